// The kill switch: stops everything that is sent, and takes it back.
import { Alert, Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { haltEverything, haltsQuery } from "../api";
import { When } from "../parts/Shown";
import { Failure } from "../parts/States";

const useSwitch = () => {
  const client = useQueryClient();
  return useMutation({ mutationFn: haltEverything, onSettled: () => client.invalidateQueries() });
};

export function KillSwitch() {
  const { data } = useQuery(haltsQuery);
  const { mutate, isPending } = useSwitch();
  if (!data || data.everything) return null;
  return (
    <Button color="red" variant="light" disabled={isPending} onClick={() => window.confirm("Stop everything that is being sent?") && mutate(true)}>
      Stop everything
    </Button>
  );
}

export function Halted() {
  const { data } = useQuery({ ...haltsQuery, refetchInterval: 10_000 });
  const { mutate, isPending, error } = useSwitch();
  return (
    <>
      {error && <Failure error={error} />}
      {data?.halts.map((halt) => (
        <Alert key={halt.campaign ?? "*"} color="red" title={halt.campaign ? `${halt.campaign} is halted` : "Nothing is sent: everything is halted"}>
          By {halt.by}, <When at={halt.at} />{halt.reason && `: ${halt.reason}`}
          {!halt.campaign && <Button size="xs" variant="light" color="red" ml="sm" disabled={isPending} onClick={() => mutate(false)}>Go on sending</Button>}
        </Alert>
      ))}
    </>
  );
}
