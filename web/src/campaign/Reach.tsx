// Whom a campaign would reach now, and why not the others: counted when somebody asks.
import { Button, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { reachQuery } from "../api";
import { count } from "../format";
import { Panel } from "../parts/Page";
import { Facts } from "../parts/Shown";
import { Failure } from "../parts/States";

export function Reach({ campaign }: { campaign: string }) {
  const { data, error, isFetching, refetch } = useQuery({ ...reachQuery(campaign), enabled: false });
  const ask = <Button size="xs" variant="default" loading={isFetching} onClick={() => void refetch()}>Count</Button>;
  return (
    <Panel title="Whom it would reach now" note="Everybody is asked about as when a message leaves; nothing is sent" actions={ask}>
      {error && <Failure error={error} />}
      {data && (
        <>
          <Facts
            facts={[
              ["In the audience", count(data.audience)],
              ["Left out by exclude", count(data.excluded)],
              ["Held out", count(data.held_out)],
              ["Would get it now", <Text key="now" span fw={600}>{count(data.reachable)}</Text>],
              ...Object.entries(data.later).map(([code, people]): [string, ReactNode] => ["Later", `${count(people)}: ${data.words[code]}`]),
              ...Object.entries(data.never).map(([code, people]): [string, ReactNode] => ["Not", `${count(people)}: ${data.words[code]}`]),
            ]}
          />
          {data.approve_above !== null && <Text size="sm" c="dimmed" mt="xs">A run to more than {count(data.approve_above)} people waits for approval.</Text>}
        </>
      )}
    </Panel>
  );
}
