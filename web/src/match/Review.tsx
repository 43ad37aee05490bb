// Pairs in one state beside the one that is looked at. A decision leads on to the next pair.
import { Alert, Box, Grid, Stack } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type Decision, decideMatch, matchesQuery, type MatchesAsked, type MatchState } from "../api";
import { TextLink } from "../parts/Links";
import { Empty, Failure } from "../parts/States";
import { Pair } from "./Pair";
import { Queue } from "./Queue";

const route = getRouteApi("/matches");
const PAGE = 25;

export function Review({ state }: { state: MatchState }) {
  const { above, after, pair } = route.useSearch();
  const navigate = route.useNavigate();
  const client = useQueryClient();
  const asked: MatchesAsked = { state, above: Number(above) || undefined, after, limit: PAGE };
  const query = useQuery(matchesQuery(asked));
  const place = query.data?.matches.findIndex((one) => one.match_id === pair) ?? 0;
  const deciding = useMutation({
    mutationFn: decideMatch,
    onSuccess: async (_, { match_id }) => {
      // Looking at it again is left to whoever wants to: every look is audited.
      await client.invalidateQueries({ refetchType: "none" });
      await client.invalidateQueries({ queryKey: ["matches"] });
      const left = client.getQueryData(matchesQuery(asked).queryKey)?.matches.filter((one) => one.match_id !== match_id) ?? [];
      const next = left[Math.max(0, Math.min(place, left.length - 1))];
      await navigate({ search: (old) => ({ ...old, pair: next?.match_id, after: next ? old.after : undefined }), replace: true });
    },
  });
  return (
    <>
      <Box role="status" mb={deciding.isSuccess ? "md" : 0}>
        {deciding.isSuccess && <Decided decision={deciding.variables.decision} match_id={deciding.variables.match_id} />}
      </Box>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 4 }} visibleFrom={pair ? "md" : undefined}><Queue state={state} query={query} look={() => deciding.isPending || deciding.reset()} /></Grid.Col>
        <Grid.Col span={{ base: 12, md: 8 }}>
          {pair ? (
            <Stack gap="sm">
              <Box hiddenFrom="md"><TextLink to="/matches" search={(old) => ({ ...old, pair: undefined })}>All pairs</TextLink></Box>
              {deciding.error && <Failure error={deciding.error} />}
              <Pair
                key={pair} id={pair} arrived={deciding.isSuccess} deciding={deciding.isPending}
                decide={(decision) => deciding.mutate({ match_id: pair, decision })}
              />
            </Stack>
          ) : (
            <Box visibleFrom="md" className="panel"><Empty title="Choose a pair">Both are shown beside each other, with what speaks for one person and what against. Each look at a pair is audited.</Empty></Box>
          )}
        </Grid.Col>
      </Grid>
    </>
  );
}

const SAID: Record<Decision, string> = {
  accept: "They are one person now.",
  reject: "They are two people: the pair is not proposed again.",
  reopen: "The pair waits again.",
  undo: "They are two people again, and the pair waits.",
};
const BACK: Record<Decision, string> = { accept: "accepted", reject: "rejected", reopen: "waiting", undo: "waiting" };

function Decided({ decision, match_id }: { decision: Decision; match_id: string }) {
  const again = decision === "accept" || decision === "reject" ? "Take it back" : "Look at it";
  return (
    <Alert color="teal" icon={<IconCheck />} p="sm">
      {SAID[decision]} <TextLink to="/matches" search={{ tab: BACK[decision], pair: match_id }} underline="always">{again}</TextLink>
    </Alert>
  );
}
