// What to expect of accepting every pair from a probability on, and doing so.
import { Alert, Box, Button, Group, Stack, Text, Title } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { acceptMatches, acceptPreviewQuery, askAgain, type MatchesAccepted, type Threshold, thresholdsQuery } from "../api";
import { chance, count, least, number, pairs, rate } from "../format";
import { DataTable } from "../parts/DataTable";
import { TextLink } from "../parts/Links";
import { Panel } from "../parts/Page";
import { Empty, Failure, Loaded } from "../parts/States";

export function Many() {
  const query = useQuery(thresholdsQuery);
  const client = useQueryClient();
  const [above, choose] = useState<number | null>(null);
  const accepting = useMutation({
    mutationFn: (found: MatchesAccepted) => acceptMatches(found.above, found.accepted),
    onSuccess: async () => {
      choose(null);
      await askAgain(client);
    },
  });
  const ask = (probability: number) => {
    accepting.reset();
    choose(probability);
  };
  return (
    <>
      <Box role="status" mb={accepting.data && "md"}>{accepting.data && <Done done={accepting.data} />}</Box>
      <Loaded query={query} rows={6}>
        {(lines) => (
          <Panel title="What to expect" note="The model's own reckoning. Look at some pairs near a probability before you accept all from there on" pad={false}>
            {lines.every((line) => line.pairs === 0)
              ? <Empty title="No pair waits" command="vocative match find">This compares everybody and puts into the queue who may be one person.</Empty>
              : <Thresholds lines={lines} ask={ask} />}
          </Panel>
        )}
      </Loaded>
      {above !== null && (
        <Confirm
          key={above} above={above} pending={accepting.isPending} error={accepting.error}
          accept={accepting.mutate} leave={() => choose(null)}
        />
      )}
    </>
  );
}

function Thresholds({ lines, ask }: { lines: Threshold[]; ask: (probability: number) => void }) {
  return (
    <DataTable
      label="What to expect"
      rows={lines}
      id={(line) => String(line.probability)}
      columns={[
        { name: "From", cell: (line) => <Text span inherit fw={550}>From {least(line.probability)}</Text> },
        {
          name: "Pairs",
          figures: true,
          cell: (line) => (
            <TextLink to="/matches" search={{ tab: "waiting", above: String(line.probability) }} aria-label={`${pairs(line.pairs)} from ${least(line.probability)}`}>{count(line.pairs)}</TextLink>
          ),
        },
        { name: "Expected precision", figures: true, cell: (line) => chance(line.expected_precision) },
        { name: "Expected wrong", figures: true, minor: true, cell: (line) => number(line.expected_wrong) },
        { name: "Of the right ones", figures: true, minor: true, cell: (line) => rate(line.expected_found) },
        {
          name: "Accept",
          cell: (line) => (
            <Button size="xs" variant="default" disabled={line.pairs === 0} aria-label={`Accept pairs from ${least(line.probability)}`} onClick={() => ask(line.probability)}>Accept…</Button>
          ),
        },
      ]}
    />
  );
}

function Confirm({ above, pending, error, accept, leave }: {
  above: number;
  pending: boolean;
  error: Error | null;
  accept: (found: MatchesAccepted) => void;
  leave: () => void;
}) {
  const query = useQuery(acceptPreviewQuery(above));
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <Box ref={box} tabIndex={-1} role="group" aria-label={`Accept pairs from ${least(above)}`} className="panel" mt="lg">
      <Stack gap="sm" p="md" align="flex-start">
        <Loaded query={query} rows={3}>
          {(found) => (
            <>
              <Title order={2}>{found.accepted ? `Accept ${pairs(found.accepted)}?` : "There is nothing to accept"}</Title>
              {found.accepted > 0 && (
                <Text size="sm">
                  Expected precision {chance(found.expected_precision)}: about {number(found.expected_wrong)} of them are two people, by
                  the model’s own reckoning. Each one can be taken back.
                </Text>
              )}
              {found.left_out > 0 && <LeftOut left={found.left_out} />}
              {error && <Failure error={error} retry={() => void query.refetch()} />}
              <Group gap="sm">
                {found.accepted > 0 && <Button loading={pending} disabled={query.isFetching} onClick={() => accept(found)}>Accept {pairs(found.accepted)}</Button>}
                <Button variant="default" disabled={pending} onClick={leave}>Leave them in the queue</Button>
              </Group>
            </>
          )}
        </Loaded>
      </Stack>
    </Box>
  );
}

function LeftOut({ left }: { left: number }) {
  return (
    <Text size="sm">
      {pairs(left)} from there on {left === 1 ? "stays" : "stay"} in the queue to be looked at one by one: joined, too, they would make one
      person of people who do not look like one.
    </Text>
  );
}

function Done({ done }: { done: MatchesAccepted }) {
  return (
    <Alert color="teal" icon={<IconCheck />} title={`${pairs(done.accepted)} accepted`}>
      <Stack gap={4}>
        {done.left_out > 0 && <LeftOut left={done.left_out} />}
        <Text size="sm"><TextLink to="/matches" search={{ tab: "accepted" }} underline="always">Look at what is accepted</TextLink>, and take back what is wrong.</Text>
      </Stack>
    </Alert>
  );
}
