// Write the mapping of a webhook beside what really came: mistakes and events show while it is typed.
import { Alert, Box, Button, Grid, Group, Loader, Select, Stack, Text, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { ApiError, type Mapping, mappingPreviewQuery, mappingQuery, remap, saveMapping } from "../api";
import { count, instant } from "../format";
import { FieldNames } from "./FieldNames";
import { MappedRecords } from "./MappedRecords";
import { Panel } from "./Page";
import { Failure, Loaded } from "./States";
import { useWorkspace } from "./workspace";

const LIVE_MS = 5_000;
const SETTLED_MS = 400;

export function MappingEditor({ name }: { name: string }) {
  const query = useQuery(mappingQuery(name));
  return <Loaded query={query} rows={8}>{(mapping) => <Editor key={mapping.mapping} name={name} loaded={mapping} />}</Loaded>;
}

function Editor({ name, loaded }: { name: string; loaded: Mapping }) {
  const { timezone } = useWorkspace();
  const [base, setBase] = useState({ text: loaded.text, stamp: loaded.stamp });
  const [typed, setTyped] = useState(loaded.text);
  const [chosen, setChosen] = useState<number | null>(null);
  const [settled] = useDebouncedValue(typed, SETTLED_MS);
  const field = useRef<HTMLTextAreaElement>(null);
  const live = useQuery({ ...mappingQuery(name), refetchInterval: LIVE_MS }).data ?? loaded;
  const payload = chosen ?? live.payloads[0]?.payload_id ?? null;
  const preview = useQuery({ ...mappingPreviewQuery(name, settled, payload), placeholderData: keepPreviousData });
  const { saving, again } = useWriting(name, (text, stamp) => setBase({ text, stamp }));

  const problem = preview.data?.problem;
  const changed = typed !== base.text || live.is_new;
  const waiting = Object.values(live.refused).reduce((sum, records) => sum + records, 0);
  const insert = (written: string) => {
    const at = field.current?.selectionStart ?? typed.length;
    setTyped(typed.slice(0, at) + written + typed.slice(field.current?.selectionEnd ?? at));
    field.current?.focus();
  };
  const reload = async () => {
    const fresh = await again.load();
    setBase({ text: fresh.text, stamp: fresh.stamp });
    setTyped(fresh.text);
    saving.reset();
  };

  return (
    <Panel
      title="Mapping"
      note={<>Says what a payload means, in <code className="break">{live.file}</code></>}
      actions={preview.isFetching ? <Loader size={16} mt={4} aria-label="Looking" /> : null}
    >
      <Grid gap="md" mt="xs">
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Textarea
            ref={field} label="Mapping" autosize minRows={14} maxRows={36} spellCheck={false} value={typed} wrap="off"
            onChange={(event) => setTyped(event.currentTarget.value)}
            error={problem ? `Line ${problem.where?.line ?? 1}: ${problem.message}` : undefined}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: "0.8125rem", overflowX: "auto" } }}
          />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Stack gap="xs">
            <Select
              label="Payload" disabled={live.payloads.length === 0} allowDeselect={false}
              placeholder="None came yet" value={payload === null ? null : String(payload)}
              onChange={(value) => setChosen(value === null ? null : Number(value))}
              data={live.payloads.map((one) => ({ value: String(one.payload_id), label: `${instant(one.received_at, timezone)}, ${count(one.size)} bytes` }))}
            />
            <Payload shown={preview.data?.payload} none={live.payloads.length === 0} />
            <FieldNames fields={preview.data?.fields ?? []} onPick={insert} />
          </Stack>
        </Grid.Col>
      </Grid>
      <Stack gap="sm" mt="md" aria-live="polite">
        {preview.error && <Failure error={preview.error} />}
        {problem && <Failure error={new ApiError("author", problem.message, problem.where ?? null, problem.hint ?? null)} />}
        {preview.data?.unknown.map((one) => (
          <Text key={one.name} size="sm" className="break">
            This payload has no <code>{one.name}</code>{one.nearest ? <>; did you mean <code>{one.nearest}</code>?</> : ": unknown wherever it is missing."}
          </Text>
        ))}
        {preview.data && !problem && <MappedRecords preview={preview.data} />}
      </Stack>
      <Group mt="md" gap="sm">
        <Button onClick={() => saving.mutate({ text: typed, stamp: base.stamp })} disabled={!changed || Boolean(problem) || typed !== settled} loading={saving.isPending}>Save</Button>
        {waiting > 0 && (
          <Button variant="default" onClick={() => again.mutate()} disabled={changed} loading={again.isPending}>
            Map {count(waiting)} refused {waiting === 1 ? "record" : "records"} again
          </Button>
        )}
        <Box role="status">
          {saving.isSuccess && !changed && <Text size="sm" c="dimmed">Saved to {saving.data.file}</Text>}
          {again.isSuccess && <Text size="sm" c="dimmed">{count(again.data.mapped)} mapped, {count(Object.values(again.data.refused).reduce((sum, records) => sum + records, 0))} still refused</Text>}
        </Box>
      </Group>
      {saving.error && (
        <Stack gap="xs" mt="sm">
          <Failure error={saving.error} />
          {saving.error instanceof ApiError && saving.error.kind === "state" && (
            <Group><Button variant="default" size="xs" onClick={() => void reload()}>Load it again, and lose what is typed here</Button></Group>
          )}
        </Stack>
      )}
      {again.error && <Failure error={again.error} />}
    </Panel>
  );
}

/** Saving the file, and mapping again what was refused; both change what the page shows. */
function useWriting(name: string, onSaved: (text: string, stamp: string) => void) {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ["sources"] });
  const saving = useMutation({
    mutationFn: ({ text, stamp }: { text: string; stamp: string }) => saveMapping(name, text, stamp),
    onSuccess: (saved, { text }) => {
      onSaved(text, saved.stamp);
      void refresh();
    },
  });
  const mapping = useMutation({ mutationFn: () => remap(name), onSuccess: () => void refresh() });
  return { saving, again: { ...mapping, load: () => client.fetchQuery({ ...mappingQuery(name), staleTime: 0 }) } };
}

function Payload({ shown, none }: { shown: unknown; none: boolean }) {
  if (none) {
    return (
      <Alert variant="light" color="gray" title="Nothing came yet">
        Send a test call to the address above; it shows here within seconds.
      </Alert>
    );
  }
  const text = typeof shown === "string" ? shown : JSON.stringify(shown ?? null, null, 2);
  return <pre className="source" tabIndex={0} aria-label="What came" style={{ maxHeight: 320, overflowY: "auto" }}>{text}</pre>;
}
