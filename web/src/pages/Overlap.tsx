// Who is in several segments at once. The address keeps which ones.
import { MultiSelect, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type Overlap as Overlapping, overlapQuery, segmentsQuery } from "../api";
import { count, number, people, rate } from "../format";
import { SegmentCount } from "../parts/Counts";
import { DataTable } from "../parts/DataTable";
import { TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { SegmentBadge, ShareBar } from "../parts/Shown";
import { Empty, Loaded } from "../parts/States";

const route = getRouteApi("/overlap");
const MOST = 8;

export function Overlap() {
  const { segments: listed = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const chosen = listed.split(",").filter((name) => name !== "");
  const known = useQuery(segmentsQuery);
  const query = useQuery(overlapQuery(chosen));
  const names = [...new Set([...(known.data ?? []).filter((one) => one.count !== null).map((one) => one.name), ...chosen])];
  return (
    <Page title="Overlap" crumb={<TextLink to="/segments">Segments</TextLink>} about="How many people are in several segments at once, now.">
      <MultiSelect
        label="Segments" description={`Two to ${MOST} of them`} placeholder={chosen.length === 0 ? "Choose segments" : undefined} data={names} value={chosen}
        maxValues={MOST} searchable clearable hidePickedOptions nothingFoundMessage="No such segment"
        onChange={(picked) => void navigate({ search: { segments: picked.join(",") }, replace: true })}
      />
      {chosen.length < 2 ? (
        <Panel><Empty title="Choose at least two segments">The table shows whom they have in common.</Empty></Panel>
      ) : (
        <Loaded query={query} rows={6}>{(overlap) => <Found overlap={overlap} />}</Loaded>
      )}
    </Page>
  );
}

function Found({ overlap }: { overlap: Overlapping }) {
  return (
    <Stack gap="lg">
      <Panel title="Sizes" note={`${people(overlap.in_any)} in any of them, ${count(overlap.in_all)} in all`} pad={false}>
        <DataTable
          label="Sizes"
          rows={overlap.segments}
          id={(one) => one.name}
          columns={[
            { name: "Segment", wide: true, cell: (one) => <SegmentBadge name={one.name} /> },
            { name: "People", figures: true, cell: (one) => <SegmentCount name={one.name} shown={one.members} /> },
            { name: "In none of the others", figures: true, cell: (one) => count(one.alone) },
          ]}
        />
      </Panel>
      <Panel title="In common" note="Jaccard is in both divided by in either: 0 is nobody, 1 the same people" pad={false}>
        <DataTable
          label="In common"
          rows={overlap.pairs}
          id={(pair) => `${pair.one} ${pair.other}`}
          columns={[
            { name: "First", cell: (pair) => <SegmentBadge name={pair.one} /> },
            { name: "Second", cell: (pair) => <SegmentBadge name={pair.other} /> },
            { name: "In both", figures: true, cell: (pair) => <Text span inherit fw={600}>{count(pair.both)}</Text> },
            { name: "Of the first", figures: true, cell: (pair) => rate(pair.of_one) },
            { name: "Of the second", figures: true, cell: (pair) => rate(pair.of_other) },
            { name: "Jaccard", figures: true, cell: (pair) => (pair.jaccard === null ? "–" : number(pair.jaccard)) },
            { name: "", wide: true, minor: true, cell: (pair) => <ShareBar share={pair.jaccard ?? 0} label={`${pair.one} and ${pair.other}: Jaccard ${pair.jaccard === null ? "unknown" : number(pair.jaccard)}`} /> },
          ]}
        />
      </Panel>
    </Stack>
  );
}
