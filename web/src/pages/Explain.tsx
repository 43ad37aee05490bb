// Why this person got this message, or did not: every condition with the values it saw.
import { Box, Group, Select, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { IconCheck, IconMinus, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { campaignsQuery, type Explanation, explainQuery, personQuery } from "../api";
import { value } from "../format";
import { TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { State } from "../parts/Shown";
import { Empty, Loaded } from "../parts/States";
import { useWorkspace } from "../parts/workspace";

const route = getRouteApi("/people/$personId/explain");

export function Explain() {
  const { personId } = route.useParams();
  const { campaign } = route.useSearch();
  const navigate = route.useNavigate();
  const person = useQuery(personQuery(personId));
  const campaigns = useQuery(campaignsQuery);
  const query = useQuery({ ...explainQuery(personId, campaign ?? ""), enabled: campaign !== undefined });
  const shown = person.data?.name ?? person.data?.email ?? personId;
  const choice = (
    <Select
      label="Campaign" w={240} value={campaign ?? null} searchable data={campaigns.data?.map((one) => one.campaign) ?? (campaign ? [campaign] : [])}
      onChange={(name) => void navigate({ search: { campaign: name ?? undefined } })}
    />
  );
  return (
    <Page title="Why" about={`What happened to ${shown}, step by step`} crumb={<TextLink to="/people/$personId" params={{ personId }} search={{ tab: "messages" }}>{shown}</TextLink>} actions={choice}>
      {campaign ? (
        <Loaded query={query} rows={6}>{(explanation) => <Story explanation={explanation} />}</Loaded>
      ) : (
        <Panel><Empty title="Choose a campaign">Then every step of its decision about this person is shown.</Empty></Panel>
      )}
    </Page>
  );
}

const VERDICTS = {
  true: { icon: IconCheck, color: "teal", says: "holds" },
  false: { icon: IconX, color: "red", says: "does not hold" },
  null: { icon: IconMinus, color: "gray", says: "not decided" },
} as const;

function Verdict({ verdict, small }: { verdict: boolean | null; small?: boolean }) {
  const { icon: Icon, color, says } = VERDICTS[`${verdict}`];
  return <ThemeIcon variant="light" color={color} radius="xl" size={small ? 20 : 30} aria-label={says} role="img"><Icon size={small ? 12 : 17} stroke={2.2} /></ThemeIcon>;
}

type Condition = NonNullable<Explanation["steps"][number]["conditions"]>[number];

function Seen({ condition }: { condition: Condition }) {
  const { timezone } = useWorkspace();
  return (
    <Group gap="sm" mt="xs" wrap="nowrap" align="flex-start">
      <Verdict verdict={condition.verdict} small />
      <Box miw={0}>
        <code className="break" style={{ fontSize: "0.8125rem" }}>{condition.text}</code>
        {Object.entries(condition.values).map(([name, seen]) => (
          <Text key={name} size="sm" c="dimmed" className="break figures">
            {name} was <Text span inherit fw={600} c="var(--mantine-color-text)">{value(seen, timezone)}</Text>
          </Text>
        ))}
        {condition.because?.map((deeper) => <Seen key={deeper.text} condition={deeper as Condition} />)}
      </Box>
    </Group>
  );
}

function Story({ explanation }: { explanation: Explanation }) {
  return (
    <Stack gap="lg">
      <Panel>
        <Group gap="md" align="flex-start" wrap="nowrap">
          <State name={explanation.outcome} />
          <Title order={2} style={{ whiteSpace: "pre-line" }}>{explanation.sentence}</Title>
        </Group>
      </Panel>
      <Stack component="ol" gap="sm" m={0} p={0} style={{ listStyle: "none" }} aria-label="Steps">
        {explanation.steps.map((step) => (
          <Box component="li" className="panel" p="md" key={step.title}>
            <Group gap="md" wrap="nowrap" align="flex-start">
              <Verdict verdict={step.verdict} />
              <Box miw={0} flex={1}>
                <Text fw={600}>{step.title}</Text>
                <Text size="sm" c="dimmed" className="break sentence">{step.detail}</Text>
                {step.conditions?.map((condition) => <Seen key={condition.text} condition={condition} />)}
              </Box>
            </Group>
          </Box>
        ))}
      </Stack>
    </Stack>
  );
}
