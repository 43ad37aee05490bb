// How the runs of a campaign stand, and what can be done with each.
import { Alert, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { type CampaignRun, runsQuery, type Step, steer } from "../api";
import { count, words } from "../format";
import { Panel } from "../parts/Page";
import { Facts, State, When } from "../parts/Shown";
import { Empty, Failure, Loaded } from "../parts/States";

const LIVE_MS = 3_000;
type Steer = (step: Step, occurrence?: string) => void;

export function Runs({ campaign }: { campaign: string }) {
  const client = useQueryClient();
  const query = useQuery({ ...runsQuery(campaign), refetchInterval: LIVE_MS });
  const steering = useMutation({ mutationFn: steer, onSettled: () => client.invalidateQueries() });
  const act: Steer = (step, occurrence) => steering.mutate({ campaign, step, occurrence });
  return (
    <Panel title="Runs" actions={query.data && <Begin runs={query.data.runs} act={act} busy={steering.isPending} />}>
      <Stack gap="md">
        {steering.error && <Failure error={steering.error} />}
        <Loaded query={query} rows={3}>
          {({ runs, halted }) => (
            <>
              {halted && (
                <Alert color="red" title="Nothing is sent">
                  {halted} <Button size="xs" variant="light" color="red" ml="sm" onClick={() => act("unhalt")} disabled={steering.isPending}>Take the halt of this campaign back</Button>
                </Alert>
              )}
              {runs.length === 0 && <Empty title="It was not sent yet" command={`vocative campaign schedule ${campaign}`}>The server sends it: at the time of its schedule, or now where it has none.</Empty>}
              {runs.map((run) => <Run key={run.occurrence} run={run} act={act} busy={steering.isPending} />)}
            </>
          )}
        </Loaded>
      </Stack>
    </Panel>
  );
}

/** The first run is begun here; further ones need a name, which the command line asks for. */
function Begin({ runs, act, busy }: { runs: CampaignRun[]; act: Steer; busy: boolean }) {
  return (
    <Group gap="xs" wrap="nowrap">
      {runs.length === 0 && <Asked label="Send" says="Send this campaign as its schedule says, or now?" go={() => act("schedule")} busy={busy} />}
      <Asked label="Halt" says="Stop all runs of this campaign?" go={() => act("halt")} busy={busy} />
    </Group>
  );
}

function Run({ run, act, busy }: { run: CampaignRun; act: Steer; busy: boolean }) {
  const share = run.people ? (100 * run.done) / run.people : 0;
  const facts: [string, ReactNode][] = Object.entries(run.counts).map(([state, people]) => [words(state), count(people)]);
  if (run.status === "scheduled") facts.push(["Begins", <When key="begins" at={run.starts_at} />]);
  if (run.next_at) facts.push(["Goes on", <When key="next" at={run.next_at} />]);
  if (run.approved_by) facts.push(["Approved", `by ${run.approved_by}, for up to ${count(run.approved_people ?? 0)} people`]);
  if (run.repeats) facts.push(["Again", `to those of run ${run.repeats} who had not ${run.unless}`]);
  return (
    <Stack gap="xs" component="article" aria-label={`Run ${run.occurrence}`}>
      <Group justify="space-between" gap="sm">
        <Group gap="sm">
          <Text fw={600}>Run {run.occurrence}</Text>
          <State name={run.status} />
          {run.people > 0 && <Text size="sm" c="dimmed" className="figures">{count(run.done)} of {count(run.people)} done, {count(run.per_minute)} a minute lately</Text>}
        </Group>
        <Steps run={run} act={act} busy={busy} />
      </Group>
      {run.why && <Alert color="yellow" p="xs">{run.why}</Alert>}
      {run.people > 0 && <Progress value={share} aria-label={`${count(run.done)} of ${count(run.people)} done`} />}
      <Facts facts={facts} />
    </Stack>
  );
}

const GOES: Record<string, Step[]> = {
  scheduled: ["approve", "cancel"],
  unapproved: ["approve", "cancel"],
  sending: ["pause", "cancel"],
  waiting: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  held: ["resume", "cancel"],
  finished: ["again"],
};
const ASKS: Partial<Record<Step, [string, string]>> = {
  approve: ["Approve", "Let it go to all these people?"],
  cancel: ["Cancel", "Give this run up for good?"],
  again: ["Again to who did not open", "Send it once more to those who got it and did not open it?"],
  retry: ["Try failed ones again", "Send those again that failed?"],
};

function Steps({ run, act, busy }: { run: CampaignRun; act: Steer; busy: boolean }) {
  const failed = Object.keys(run.counts).some((state) => state.startsWith("failed"));
  const steps: Step[] = [...(GOES[run.status] ?? []), ...(failed && run.status === "finished" ? (["retry"] as const) : [])];
  return (
    <Group gap="xs">
      {steps.map((step) => {
        const [label, says] = ASKS[step] ?? [words(step), undefined];
        return <Asked key={step} label={label} says={says} go={() => act(step, run.occurrence)} busy={busy} />;
      })}
    </Group>
  );
}

/** A button that asks once more before what cannot be taken back. */
function Asked({ label, says, go, busy }: { label: string; says?: string; go: () => void; busy: boolean }) {
  return (
    <Button size="xs" variant="default" disabled={busy} onClick={() => (!says || window.confirm(says)) && go()}>
      {label}
    </Button>
  );
}
