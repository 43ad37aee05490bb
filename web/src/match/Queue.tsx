// The pairs in one state, the most probable first. A list says nothing personal.
import { Box, Select, Text } from "@mantine/core";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type Match, type Matches, type MatchState, thresholdsQuery } from "../api";
import { chance, least } from "../format";
import { PlainLink } from "../parts/Links";
import { Paging } from "../parts/Paging";
import styles from "../parts/PickList.module.css";
import { Empty, Loaded } from "../parts/States";

const route = getRouteApi("/matches");

export function Queue({ state, query, look }: { state: MatchState; query: UseQueryResult<Matches>; look: () => void }) {
  const { above, after } = route.useSearch();
  return (
    <div className="panel" style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
      <Box p="md" pb={0}><Least /></Box>
      <Loaded query={query} rows={8}>
        {(page) =>
          page.matches.length === 0 ? <Nothing state={state} above={above} /> : (
            <>
              <Box component="ul" className={styles.list} aria-label="Pairs">
                {page.matches.map((row) => <Row key={row.match_id} row={row} look={look} />)}
              </Box>
              <Paging shown={page.matches.length} total={page.total} noun="pairs" after={after} next={page.next} />
            </>
          )
        }
      </Loaded>
    </div>
  );
}

function Least() {
  const { above } = route.useSearch();
  const navigate = route.useNavigate();
  const thresholds = useQuery(thresholdsQuery);
  const known = thresholds.data?.map((one) => String(one.probability)) ?? [];
  const listed = above && !known.includes(above) ? [above, ...known] : known;
  return (
    <Select
      size="xs" aria-label="From a probability of" placeholder="From any probability" clearable value={above ?? null}
      data={listed.map((value) => ({ value, label: `From ${least(Number(value))}` }))}
      onChange={(chosen) => void navigate({ search: (old) => ({ tab: old.tab, above: chosen ?? undefined }) })}
    />
  );
}

function Row({ row, look }: { row: Match; look: () => void }) {
  const search = route.useSearch();
  return (
    <li>
      <PlainLink to="/matches" search={{ ...search, pair: row.match_id }} className={styles.row} aria-current={row.match_id === search.pair ? "true" : undefined} onClick={look}>
        <Text size="sm" fw={550} className="figures">{chance(row.probability)}</Text>
        <Text size="xs" c="dimmed" lineClamp={2} className="sentence">{row.why}</Text>
      </PlainLink>
    </li>
  );
}

const NOTHING: Record<MatchState, string> = {
  open: "No pair waits",
  accepted: "No pair was accepted",
  rejected: "No pair was rejected",
};

function Nothing({ state, above }: { state: MatchState; above: string | undefined }) {
  if (above) return <Empty title={NOTHING[state]}>None from {least(Number(above))}. Choose a lower probability to see more.</Empty>;
  if (state !== "open") return <Empty title={NOTHING[state]} />;
  return <Empty title={NOTHING.open} command="vocative match find">This compares everybody and puts into the queue who may be one person.</Empty>;
}
