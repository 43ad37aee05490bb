// Everything known about one person and everything that was done: each number leads to its reason.
import { Avatar, Badge, Grid, Group, Stack, Tabs, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { value } from "../format";
import { type Person as PersonData, personQuery } from "../api";
import { TextLink } from "../parts/Links";
import { Merges } from "../parts/Merges";
import { Panel } from "../parts/Page";
import { ConsentList, Memberships, Recommendations, Scores } from "../parts/PersonSide";
import { PersonMessages } from "../parts/PersonMessages";
import { FeatureTable } from "../parts/FeatureTable";
import { SegmentHistory } from "../parts/SegmentHistory";
import { Copyable, Facts, When } from "../parts/Shown";
import { Loaded } from "../parts/States";
import { Timeline } from "../parts/Timeline";
import { useWorkspace } from "../parts/workspace";

const route = getRouteApi("/people/$personId");

export function Person() {
  const { personId } = route.useParams();
  const query = useQuery(personQuery(personId));
  useDocumentTitle(`${query.data?.name ?? personId} · Vocative`);
  return (
    <Stack gap="lg">
      <Text size="sm"><TextLink to="/people">People</TextLink></Text>
      <Loaded query={query} rows={10}>{(person) => <Whole person={person} />}</Loaded>
    </Stack>
  );
}

function Whole({ person }: { person: PersonData }) {
  return (
    <>
      <Identity person={person} />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 7, lg: 8 }}><Main person={person} /></Grid.Col>
        <Grid.Col span={{ base: 12, md: 5, lg: 4 }}>
          <Stack gap="lg">
            <Scores scores={person.scores} />
            <Recommendations items={person.recommendations} />
            <Memberships segments={person.segments} />
            <ConsentList consents={person.consents} />
            <Merges merges={person.merges} />
          </Stack>
        </Grid.Col>
      </Grid>
    </>
  );
}

function Identity({ person }: { person: PersonData }) {
  const shown = person.name ?? person.email ?? person.person_id;
  return (
    <Group className="panel" p="lg" gap="lg" align="flex-start">
      <Avatar size={60} radius="xl" name={shown} color="initials" aria-hidden visibleFrom="xs" />
      <Stack gap={6} miw={0} flex={1}>
        <Group gap="sm">
          <Title order={1} className="break">{shown}</Title>
          {person.suppressed.map((one) => (
            <Badge key={one.channel + one.reason} color="red" variant="light" tt="none">
              No {one.channel}: {one.reason}
            </Badge>
          ))}
        </Group>
        <Group gap="4px 24px">
          {person.email && <Copyable text={person.email} label="Copy e-mail address" />}
          {person.email_meant && <Text size="sm" c="dimmed" className="break">Perhaps meant: {person.email_meant}</Text>}
          {person.phone && <Copyable text={person.phone} label="Copy phone number" />}
          <Copyable text={person.person_id} label="Copy id" />
        </Group>
        <Text size="sm" c="dimmed">First seen <When at={person.first_seen_at} /></Text>
      </Stack>
    </Group>
  );
}

function Main({ person }: { person: PersonData }) {
  const { tab = "timeline" } = route.useSearch();
  const navigate = route.useNavigate();
  const { timezone } = useWorkspace();
  return (
    <Tabs value={tab} onChange={(chosen) => void navigate({ search: { tab: chosen ?? undefined }, replace: true })} keepMounted={false}>
      <Tabs.List mb="md">
        <Tabs.Tab value="timeline">Timeline</Tabs.Tab>
        <Tabs.Tab value="features">Features and traits</Tabs.Tab>
        <Tabs.Tab value="segments">Segments</Tabs.Tab>
        <Tabs.Tab value="messages">Messages ({person.messages.length})</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="timeline"><Timeline personId={person.person_id} /></Tabs.Panel>
      <Tabs.Panel value="features">
        <Stack gap="lg">
          <FeatureTable features={person.features} />
          <Panel title="Traits" note="Stated about the person by you or by themselves">
            <Facts facts={Object.entries(person.traits).map(([name, stated]) => [name, value(stated, timezone)])} />
          </Panel>
        </Stack>
      </Tabs.Panel>
      <Tabs.Panel value="segments"><SegmentHistory personId={person.person_id} /></Tabs.Panel>
      <Tabs.Panel value="messages"><PersonMessages person={person} /></Tabs.Panel>
    </Tabs>
  );
}
