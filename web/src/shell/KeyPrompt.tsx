import { Button, Group, PasswordInput, Stack } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { keepApiKey } from "../key";
import { Panel } from "../parts/Page";
import { Failure } from "../parts/States";

/** Asks for the server's API key and tries everything again with it. */
export function KeyPrompt({ error }: { error: Error }) {
  const queries = useQueryClient();
  const [key, setKey] = useState("");
  const enter = (event: FormEvent) => {
    event.preventDefault();
    keepApiKey(key);
    void queries.resetQueries();
  };
  return (
    <Stack maw={480} mx="auto" mt="xl" gap="lg">
      <Failure error={error} />
      <Panel title="Enter the API key" note="It is the server's VOCATIVE_API_KEY and is kept until this tab is closed.">
        <form onSubmit={enter}>
          <Group align="flex-end" mt="xs">
            <PasswordInput label="API key" autoComplete="off" flex={1} value={key} onChange={(event) => setKey(event.currentTarget.value)} />
            <Button type="submit" disabled={key === ""}>Enter</Button>
          </Group>
        </form>
      </Panel>
    </Stack>
  );
}
