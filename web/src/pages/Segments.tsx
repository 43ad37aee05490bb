// All segments with live counts, and a box to try an expression before it becomes one.
import { Badge, Code, Group, Stack, Text, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type Segment, segmentsQuery } from "../api";
import { rate } from "../format";
import { SegmentCount } from "../parts/Counts";
import { SegmentFamily } from "../parts/SegmentFamily";
import { DataTable } from "../parts/DataTable";
import { ButtonLink, TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { ShareBar, When } from "../parts/Shown";
import { Empty, Loaded } from "../parts/States";
import { TryExpression } from "../parts/TryExpression";

const route = getRouteApi("/segments");
const LIVE_MS = 5_000;

export function Segments() {
  const { search = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useQuery({ ...segmentsQuery, refetchInterval: LIVE_MS });
  const wanted = (segment: Segment) => `${segment.name} ${segment.describe}`.toLowerCase().includes(search.toLowerCase());
  const rename = (text: string) => void navigate({ search: (old) => ({ ...old, search: text }), replace: true });
  return (
    <Page
      title="Segments"
      about="Who fits which description now. Counts refresh every 5 seconds."
      actions={
        <Group gap="sm">
          <Badge variant="light" color="teal" tt="none" aria-live="off">{query.isError ? "Not live" : "Live"}</Badge>
          <ButtonLink to="/overlap" variant="default">Compare segments</ButtonLink>
        </Group>
      }
    >
      <TryExpression />
      <Loaded query={query} rows={8}>
        {(segments) => (
          <>
          <Panel
            title="Segments by condition"
            pad={false}
            actions={<TextInput type="search" size="xs" w={200} aria-label="Filter segments" placeholder="Filter" leftSection={<IconSearch size={14} />} value={search} onChange={(event) => rename(event.currentTarget.value)} />}
          >
            {segments.length === 0 && <Empty title="No segments yet" command="vocative packs list">Try an expression above, then write it into segments/*.yaml; or take ready ones from the <TextLink to="/packs" underline="always">packs</TextLink>.</Empty>}
            <SegmentTable segments={segments.filter((segment) => segment.family === null && wanted(segment))} />
          </Panel>
          {[...new Set(segments.map((segment) => segment.family))].filter((family) => family !== null).map((family) => (
            <SegmentFamily key={family} family={family} segments={segments.filter((segment) => segment.family === family && wanted(segment))} />
          ))}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function SegmentTable({ segments }: { segments: Segment[] }) {
  return (
    <DataTable
      label="Segments"
      rows={segments}
      id={(segment) => segment.name}
      columns={[
        {
          name: "Segment",
          wide: true,
          cell: (segment) => (
            <Stack gap={2}>
              <TextLink to="/segments/$name" params={{ name: segment.name }} fw={550} className="break">{segment.name}</TextLink>
              {segment.describe && <Text size="sm">{segment.describe}</Text>}
              <Code bg="transparent" p={0} c="dimmed" className="break">{segment.where}</Code>
            </Stack>
          ),
        },
        { name: "People", figures: true, cell: (segment) => <SegmentCount name={segment.name} shown={segment.count} /> },
        { name: "Share", figures: true, cell: (segment) => rate(segment.share) },
        { name: "Of everyone", cell: (segment) => <ShareBar share={segment.share ?? 0} label={`${rate(segment.share)} of everyone`} /> },
        { name: "Changed", cell: (segment) => <When at={segment.changed_at} none={segment.computed_at ? "not yet" : "not computed"} /> },
      ]}
    />
  );
}
