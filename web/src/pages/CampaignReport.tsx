// What one campaign did and what came of it: the effect first, then how it got there.
import { Grid, Group, List, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type Report, reportQuery, runsQuery } from "../api";
import { Reach } from "../campaign/Reach";
import { Runs } from "../campaign/Runs";
import { RatesChart } from "../charts/RatesChart";
import { ButtonLink, TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { State, When } from "../parts/Shown";
import { Loaded } from "../parts/States";
import { Arms } from "../report/Arms";
import { Comparisons } from "../report/Comparisons";
import { Deliveries } from "../report/Deliveries";
import { TouchSplit } from "../report/Touches";
import { WhatItChanged } from "../report/WhatItChanged";

const route = getRouteApi("/campaigns/$campaign");

export function CampaignReport() {
  const { campaign } = route.useParams();
  const { data: found } = useQuery(runsQuery(campaign));
  const planned = found?.runs.some((run) => run.people > 0) ?? false;
  const query = useQuery({ ...reportQuery(campaign), refetchInterval: 30_000, enabled: planned });
  return (
    <Page
      title={campaign}
      crumb={<TextLink to="/campaigns">Campaigns</TextLink>}
      about={query.data && <Stamp report={query.data} />}
      actions={<ButtonLink to="/messages" search={{ campaign }} variant="default">Open the messages</ButtonLink>}
    >
      <Runs campaign={campaign} />
      <Reach campaign={campaign} />
      {planned && <Loaded query={query} rows={10}>{(report) => <Sections report={report} />}</Loaded>}
    </Page>
  );
}

function Stamp({ report }: { report: Report }) {
  return (
    <Group gap="sm">
      <State name={report.status} />
      <span>Planned <When at={report.planned_at} />; figures of <When at={report.as_of} />, with events up to <When at={report.fresh_until} /></span>
    </Group>
  );
}

function Sections({ report }: { report: Report }) {
  return (
    <Stack gap="lg">
      <WhatItChanged report={report} />
      <Deliveries report={report} />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 7 }}><RatesChart arms={report.arms} /></Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}><TouchSplit report={report} /></Grid.Col>
      </Grid>
      {report.comparisons.length > 0 && <Comparisons report={report} />}
      <Arms report={report} />
      {(report.notes.length > 0 || report.goal) && (
        <Panel title="How to read this">
          {report.goal && <Text size="sm" mb="xs" className="sentence">{report.goal.words}</Text>}
          <List size="sm" spacing={4}>{report.notes.map((note) => <List.Item key={note}><div className="sentence">{note}</div></List.Item>)}</List>
        </Panel>
      )}
    </Stack>
  );
}
