// The panels beside a person's timeline.
import { Box, Group, Image, Progress, Stack, Text } from "@mantine/core";
import { IconPhoto } from "@tabler/icons-react";
import type { Person } from "../api";
import { money, rate } from "../format";
import { TextLink } from "./Links";
import { Panel } from "./Page";
import { SegmentBadge, State, When } from "./Shown";
import { Empty } from "./States";

export function Scores({ scores }: { scores: Person["scores"] }) {
  return (
    <Panel title="Scores">
      {scores.length === 0 && <Text size="sm" c="dimmed">No score: no trained model has this person in its population. <TextLink to="/models" underline="always">Look at the models</TextLink></Text>}
      <Stack gap="md">
        {scores.map((score) => (
          <div key={score.model}>
            <Group justify="space-between" wrap="nowrap">
              <TextLink to="/models/$model" params={{ model: score.model }} size="sm" fw={550}>{score.model}</TextLink>
              <Text fw={650} className="figures">{score.value <= 1 ? rate(score.value) : score.value}</Text>
            </Group>
            {score.value <= 1 && <Progress value={score.value * 100} size={6} my={6} aria-label={`${score.model}: ${rate(score.value)}`} />}
            <Box component="ul" m={0} pl={18}>
              {score.reasons.map((reason) => <Text component="li" size="sm" c="dimmed" key={reason}><div className="sentence">{reason}</div></Text>)}
            </Box>
            <Text size="xs" c="dimmed" mt={4}>scored <When at={score.scored_at} /></Text>
          </div>
        ))}
      </Stack>
    </Panel>
  );
}

const MOST = 6;

export function Recommendations({ items }: { items: Person["recommendations"] }) {
  return (
    <Panel title="Recommended">
      {items.length === 0 && <Empty title="Nothing to recommend yet" command="vocative recommend">Recommendations need items and a trained recommender.</Empty>}
      <Stack gap="sm">
        {items.slice(0, MOST).map((item) => (
          <Group key={item.item_id} gap="sm" wrap="nowrap" align="flex-start">
            {item.image_url ? (
              <Image src={item.image_url} alt="" w={48} h={48} radius="md" fit="cover" loading="lazy" style={{ flex: "none" }} />
            ) : (
              <Group w={48} h={48} justify="center" style={{ flex: "none", borderRadius: 8, background: "var(--soft)", color: "var(--mantine-color-dimmed)" }}>
                <IconPhoto size={20} aria-label="No picture" />
              </Group>
            )}
            <Box miw={0} flex={1}>
              <Text size="sm" fw={550} lh={1.35} className="break">{item.title}</Text>
              <Text size="xs" c="dimmed" className="sentence">{item.reason}</Text>
            </Box>
            <Text size="sm" className="figures">{money(item.price, item.currency)}</Text>
          </Group>
        ))}
      </Stack>
    </Panel>
  );
}

export function Memberships({ segments }: { segments: Person["segments"] }) {
  return (
    <Panel title="Segments">
      {segments.length === 0 && <Text size="sm" c="dimmed">In no segment now.</Text>}
      <Stack gap="xs">
        {segments.map((one) => (
          <Group key={one.name} justify="space-between" wrap="nowrap">
            <SegmentBadge name={one.name} />
            <Text size="xs" c="dimmed" style={{ flex: "none" }}>since <When at={one.since_at} /></Text>
          </Group>
        ))}
      </Stack>
    </Panel>
  );
}

export function ConsentList({ consents }: { consents: Person["consents"] }) {
  return (
    <Panel title="Consent">
      {consents.length === 0 && <Text size="sm" c="dimmed">No consent is recorded, so nothing that needs one is sent.</Text>}
      <Stack gap="sm">
        {consents.map((one) => (
          <div key={`${one.purpose} ${one.channel} ${one.at}`}>
            <Group justify="space-between">
              <Text size="sm">{one.purpose} by {one.channel}</Text>
              <State name={one.status} />
            </Group>
            <Text size="xs" c="dimmed"><When at={one.at} />, {one.source}</Text>
          </div>
        ))}
      </Stack>
    </Panel>
  );
}
