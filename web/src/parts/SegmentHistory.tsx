// When a person was in which segment: a bar for each interval, on one axis from the first to now.
import { Box, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Membership, membershipsQuery } from "../api";
import { instant } from "../format";
import { DataTable } from "./DataTable";
import { Panel } from "./Page";
import { SegmentBadge, When } from "./Shown";
import { Empty, Loaded } from "./States";
import { useWorkspace } from "./workspace";

export function SegmentHistory({ personId }: { personId: string }) {
  const query = useQuery(membershipsQuery(personId));
  return (
    <Panel title="Segments over time" note="The latest first; the record begins when a segment is first computed" pad={false}>
      <Loaded query={query} rows={6}>
        {(intervals) => (intervals.length > 0 ? <Intervals intervals={intervals} /> : <Empty title="In no segment so far">Memberships appear as the person's events come in.</Empty>)}
      </Loaded>
    </Panel>
  );
}

function Intervals({ intervals }: { intervals: Membership[] }) {
  const now = Date.now();
  const first = Math.min(...intervals.map((one) => Date.parse(one.since_at)));
  return (
    <DataTable
      label="Segments over time"
      rows={intervals}
      id={(one) => `${one.segment} ${one.since_at}`}
      columns={[
        { name: "Segment", cell: (one) => <SegmentBadge name={one.segment} /> },
        { name: "Since", cell: (one) => <When at={one.since_at} /> },
        { name: "Until", cell: (one) => (one.until_at ? <When at={one.until_at} /> : <Text span inherit fw={550}>still in</Text>) },
        { name: "Course", wide: true, minor: true, cell: (one) => <Bar interval={one} first={first} now={now} /> },
      ]}
    />
  );
}

function Bar({ interval, first, now }: { interval: Membership; first: number; now: number }) {
  const { timezone } = useWorkspace();
  const place = (at: string) => (100 * (Date.parse(at) - first)) / Math.max(1, now - first);
  const start = place(interval.since_at);
  const end = interval.until_at ? place(interval.until_at) : 100;
  const until = interval.until_at ? `until ${instant(interval.until_at, timezone)}` : "until now";
  return (
    <Box role="img" aria-label={`since ${instant(interval.since_at, timezone)} ${until}`} pos="relative" h={8} miw={120} style={{ borderRadius: 4, background: "var(--line)" }}>
      <Box
        pos="absolute" h={8} left={`${Math.min(start, 98.5)}%`} w={`${Math.max(1.5, end - start)}%`}
        style={{ borderRadius: 4, background: "var(--mantine-color-iris-5)", opacity: interval.until_at ? 0.45 : 1 }}
      />
    </Box>
  );
}
