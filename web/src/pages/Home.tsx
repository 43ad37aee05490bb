// What needs attention first, then how the shop is doing, then what was sent lately.
import { Alert, Grid, Group, SimpleGrid, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleX, IconInfoCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type Overview, overviewQuery } from "../api";
import { WeeksChart } from "../charts/WeeksChart";
import { count, localDay, money } from "../format";
import { RecentCampaigns } from "../parts/RecentCampaigns";
import { PlainLink, TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { Spark } from "../parts/Spark";
import { ShareBar, When } from "../parts/Shown";
import { Empty, Loaded } from "../parts/States";

const LOOKS = {
  error: { color: "red", icon: <IconCircleX /> },
  warning: { color: "yellow", icon: <IconAlertTriangle /> },
  info: { color: "blue", icon: <IconInfoCircle /> },
};

const MOST = 8;

export function Home() {
  const query = useQuery({ ...overviewQuery, refetchInterval: 15_000 });
  const freshness = query.data && (
    <>
      Last event <When at={query.data.last_event_at} />, computed <When at={query.data.computed_at} />
    </>
  );
  return (
    <Page title={query.data?.workspace ?? "Home"} about={freshness}>
      <Loaded query={query} rows={8}>{(overview) => <Dashboard overview={overview} />}</Loaded>
    </Page>
  );
}

function Dashboard({ overview }: { overview: Overview }) {
  const { currency, weeks } = overview;
  const latest = weeks.at(-1);
  const week = latest && `week of ${localDay(latest.week_on)}`;
  if (overview.people === 0 && overview.events === 0) return <FirstSteps />;
  return (
    <Stack gap="lg">
      {overview.alerts.map((alert) => (
        <Alert key={alert.message} variant="light" {...LOOKS[alert.level]} title={alert.message} role="status">
          {alert.hint}
        </Alert>
      ))}
      <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
        <PlainLink to="/people"><Figure name="People" shown={count(overview.people)} under={`${count(overview.events)} events, ${count(overview.items)} items`} /></PlainLink>
        {latest && <Figure name="Active people" shown={count(latest.active_people)} under={week} trend={weeks.map((one) => one.active_people)} />}
        {latest && <Figure name="Orders" shown={count(latest.orders)} under={week} trend={weeks.map((one) => one.orders)} />}
        {latest && <Figure name="Revenue" shown={money(latest.revenue, currency)} under={week} trend={weeks.map((one) => one.revenue)} />}
      </SimpleGrid>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }}><WeeksChart weeks={weeks} currency={currency} /></Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}><Sizes overview={overview} /></Grid.Col>
      </Grid>
      <RecentCampaigns campaigns={overview.campaigns} />
    </Stack>
  );
}

function Figure({ name, shown, under, trend }: { name: string; shown: string; under?: string; trend?: number[] }) {
  return (
    <div className="panel" style={{ padding: "14px 16px", height: "100%" }}>
      <Text size="sm" c="dimmed">{name}</Text>
      <Group justify="space-between" align="flex-end" wrap="nowrap" gap="sm">
        <div>
          <Text fz={26} fw={650} lh={1.3} className="figures" style={{ letterSpacing: "-0.02em" }}>{shown}</Text>
          {under && <Text size="xs" c="dimmed">{under}</Text>}
        </div>
        {trend && <Spark values={trend} />}
      </Group>
    </div>
  );
}

function Sizes({ overview }: { overview: Overview }) {
  const largest = Math.max(1, ...overview.segments.map((segment) => segment.count));
  return (
    <Panel title="Segments" note={<TextLink to="/segments" size="sm">All segments, live</TextLink>}>
      {overview.segments.length === 0 && <Empty title="No segments yet">Write one in segments/*.yaml or try an expression.</Empty>}
      <Stack gap="sm" mt="xs">
        {overview.segments.slice(0, MOST).map(({ name, count: members }) => (
          <div key={name}>
            <Group justify="space-between" wrap="nowrap" mb={4}>
              <TextLink to="/segments/$name" params={{ name }} size="sm" className="break">{name}</TextLink>
              <TextLink to="/people" search={{ segment: name }} size="sm" c="inherit" className="figures" aria-label={`${count(members)} people in ${name}`}>
                {count(members)}
              </TextLink>
            </Group>
            <ShareBar share={members / largest} label={`${name}: ${count(members)}`} />
          </div>
        ))}
      </Stack>
    </Panel>
  );
}

function FirstSteps() {
  return (
    <Panel>
      <Empty title="This workspace has no people yet" command="vocative import customers.csv">
        Import customers, items and orders, or point a Segment SDK at this server. To look around first, run
        {" "}<code>vocative demo</code>: it builds a shop with a year of history.
      </Empty>
    </Panel>
  );
}
