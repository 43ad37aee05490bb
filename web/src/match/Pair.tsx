// Two people beside each other: what both have, what it says, and what somebody decides about it.
import { Box, Button, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef } from "react";
import { type Decision, type Match, type MatchDetail, matchQuery, undoPreviewQuery } from "../api";
import { chance } from "../format";
import { type Column, DataTable } from "../parts/DataTable";
import { TextLink } from "../parts/Links";
import { Separation } from "../parts/Separation";
import { State, When } from "../parts/Shown";
import { Loaded } from "../parts/States";

type Compared = MatchDetail["compared"][number];
interface Deciding {
  deciding: boolean;
  decide: (decision: Decision) => void;
}

/** `arrived`: a decision led here, so the keyboard goes on from here, too. */
export function Pair({ id, arrived, ...deciding }: { id: string; arrived: boolean } & Deciding) {
  const query = useQuery(matchQuery(id));
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (arrived) box.current?.focus();
  }, [arrived]);
  return (
    <div ref={box} tabIndex={-1} role="region" aria-label="Pair">
      <Loaded query={query} rows={8}>
        {({ match, compared }) => (
          <div className="panel">
            <Heading match={match} />
            <DataTable label="What was compared" rows={compared} id={(row) => row.what} columns={columns(match)} />
            <Box p="md" style={{ borderTop: "1px solid var(--line)" }}><Decisions match={match} {...deciding} /></Box>
          </div>
        )}
      </Loaded>
    </div>
  );
}

function Heading({ match }: { match: Match }) {
  return (
    <Stack gap={4} p="md">
      <Title order={2}>One person with a probability of {chance(match.probability)}</Title>
      <Group gap="4px 16px">
        <Text size="sm">First: <PersonId id={match.one} /></Text>
        <Text size="sm">Second: <PersonId id={match.other} /></Text>
      </Group>
      {match.decided_at
        ? <Group gap={6}><State name={match.state} /><Text size="sm" c="dimmed">by {match.decided_by} <When at={match.decided_at} /></Text></Group>
        : <Text size="sm" c="dimmed">Found <When at={match.found_at} /></Text>}
    </Stack>
  );
}

function PersonId({ id }: { id: string }) {
  return <TextLink to="/people/$personId" params={{ personId: id }} className="break">{id}</TextLink>;
}

function columns(match: Match): Column<Compared>[] {
  const what: Column<Compared> = { name: "Compared", cell: (row) => <Text span inherit fw={550} display="inline-block" className="sentence">{row.what}</Text> };
  const said: Column<Compared> = { name: "What it says", wide: true, cell: (row) => <span className="break">{row.said}</span> };
  // Who is one person now has everything together: there is nothing left to put side by side.
  if (match.state === "accepted") return [what, said];
  return [
    what,
    { name: "First", cell: (row) => <Value>{row.one}</Value> },
    { name: "Second", cell: (row) => <Value>{row.other}</Value> },
    said,
  ];
}

function Value({ children }: { children: ReactNode }) {
  return <Text span inherit className="break" miw={120} display="inline-block" style={{ whiteSpace: "normal" }}>{children ?? "–"}</Text>;
}

function Decisions({ match, deciding, decide }: { match: Match } & Deciding) {
  if (match.state === "accepted") {
    return (
      <Separation
        label="Take it back" question="Who would have what" preview={undoPreviewQuery(match.match_id)}
        confirm="Make them two people again" pending={deciding} separate={() => decide("undo")}
      />
    );
  }
  if (match.state === "rejected") {
    return <Button variant="default" loading={deciding} onClick={() => decide("reopen")}>Put it back into the queue</Button>;
  }
  return (
    <Group gap="sm">
      <Button loading={deciding} onClick={() => decide("accept")}>They are one person</Button>
      <Button variant="default" disabled={deciding} onClick={() => decide("reject")}>They are two people</Button>
    </Group>
  );
}
