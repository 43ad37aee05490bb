// How good is what comes in: what is alarming, how fresh and complete each source is, what is off its plan.
import { Alert, Badge, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type Quality as Answer, type QualitySource, qualityQuery } from "../api";
import { count, rate } from "../format";
import { DataTable } from "../parts/DataTable";
import { Page, Panel } from "../parts/Page";
import { ShareBar, When } from "../parts/Shown";
import { Spark } from "../parts/Spark";
import { Empty, Loaded } from "../parts/States";

const LIVE_MS = 30_000;
const OUTCOMES: Record<string, string> = { rejected: "red", flagged: "yellow", kept: "gray" };

export function Quality() {
  const query = useQuery({ ...qualityQuery, refetchInterval: LIVE_MS });
  return (
    <Page title="Data quality" about="What came in within the last 14 days: how fresh and complete it is, and what is not as the tracking plans say.">
      <Loaded query={query} rows={6}>{(found) => <Report found={found} />}</Loaded>
    </Page>
  );
}

function Report({ found }: { found: Answer }) {
  if (found.sources.length === 0) {
    return <Panel><Empty title="Nothing came in yet" command="vocative source new NAME">Whoever sends events is a file in sources/.</Empty></Panel>;
  }
  const filled = found.sources.flatMap((source) =>
    source.event_kinds.flatMap((kind) => kind.filled.map((one) => ({ ...one, source: source.source, event: kind.event }))));
  const faults = found.sources.flatMap((source) =>
    source.event_kinds.flatMap((kind) => kind.faults.map((one) => ({ ...one, source: source.source, event: kind.event }))));
  return (
    <Stack gap="lg">
      {found.alerts.map((alert) => (
        <Alert
          key={`${alert.source} ${alert.event} ${alert.kind} ${alert.began_at}`}
          color={alert.ended_at ? "gray" : "yellow"}
          icon={<IconAlertTriangle />}
          title={<span className="break">{alert.told}</span>}
        >
          {alert.ended_at ? <>Over <When at={alert.ended_at} />.</> : <>Noticed <When at={alert.noticed_at} />.</>}
        </Alert>
      ))}
      <Panel title="Sources" pad={false}><SourceTable sources={found.sources} /></Panel>
      {faults.length > 0 && (
        <Panel title="Not as it should be" pad={false}>
          <DataTable
            label="Not as it should be"
            rows={faults.toSorted((one, other) => other.events - one.events)}
            id={(fault) => `${fault.source} ${fault.event} ${fault.property} ${fault.fault} ${fault.outcome}`}
            columns={[
              { name: "Event", wide: true, cell: (fault) => <Named name={fault.event} source={fault.source} /> },
              { name: "What", cell: (fault) => <span className="break">{fault.property} {fault.told}</span> },
              { name: "Events", figures: true, cell: (fault) => count(fault.events) },
              { name: "Became", cell: (fault) => <Badge variant="light" color={OUTCOMES[fault.outcome] ?? "gray"} tt="none">{fault.outcome}</Badge> },
            ]}
          />
        </Panel>
      )}
      {filled.length > 0 && (
        <Panel title="Required properties" note="How often they are there, in events that were applied." pad={false}>
          <DataTable
            label="Required properties"
            rows={filled.toSorted((one, other) => one.share - other.share)}
            id={(one) => `${one.source} ${one.event} ${one.property}`}
            columns={[
              { name: "Event", wide: true, cell: (one) => <Named name={one.event} source={one.source} /> },
              { name: "Property", cell: (one) => <span className="break">{one.property}</span> },
              { name: "There", figures: true, cell: (one) => rate(one.share) },
              { name: "Share", minor: true, cell: (one) => <ShareBar share={one.share} label={`${one.property} is there in ${rate(one.share)}`} /> },
            ]}
          />
        </Panel>
      )}
    </Stack>
  );
}

function Named({ name, source }: { name: string; source: string }) {
  return (
    <Stack gap={2}>
      <Text fw={550} size="sm" className="break">{name}</Text>
      <Text size="xs" c="dimmed" className="break">{source}</Text>
    </Stack>
  );
}

function SourceTable({ sources }: { sources: QualitySource[] }) {
  return (
    <DataTable
      label="Sources"
      rows={sources}
      id={(source) => source.source}
      columns={[
        { name: "Source", wide: true, cell: (source) => <Text fw={550} size="sm" className="break">{source.source}</Text> },
        { name: "Plan", minor: true, cell: (source) => source.plan ?? "none" },
        { name: "Applied", figures: true, cell: (source) => <Group gap="sm" wrap="nowrap" justify="flex-end"><Spark values={source.by_day} />{count(source.events)}</Group> },
        { name: "Rejected", figures: true, cell: (source) => count(source.rejected) },
        {
          name: "Last event",
          cell: (source) => (
            <Group gap={6} wrap="nowrap">
              <When at={source.last_received_at} />
              {source.late && <Badge variant="light" color="red" tt="none">late</Badge>}
            </Group>
          ),
        },
      ]}
    />
  );
}
