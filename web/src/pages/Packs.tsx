// Ready features and segments: what there is, what is in it, and adding it to the workspace's folder.
import { Alert, Badge, Box, Button, Collapse, Group, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type AddedPack, addPack, packQuery, type PackSummary, packsQuery, recompute } from "../api";
import { count } from "../format";
import { DataTable } from "../parts/DataTable";
import { TextLink } from "../parts/Links";
import { Page } from "../parts/Page";
import { Failure, Loaded } from "../parts/States";

const route = getRouteApi("/packs");
const STATES = {
  absent: null,
  added: { label: "Added", color: "teal" },
  partly: { label: "Partly there", color: "yellow" },
  edited: { label: "There, edited", color: "yellow" },
} as const;

export function Packs() {
  const query = useQuery(packsQuery);
  return (
    <Page title="Packs" about="Ready features and segments. Adding a pack writes plain files into the workspace's folder; from then on they are yours to edit.">
      <Loaded query={query} rows={8}>
        {(packs) => <Stack gap="md">{packs.map((pack) => <OnePack key={pack.name} pack={pack} />)}</Stack>}
      </Loaded>
    </Page>
  );
}

function OnePack({ pack }: { pack: PackSummary }) {
  const { pack: shown } = route.useSearch();
  const navigate = route.useNavigate();
  const opened = shown === pack.name;
  const client = useQueryClient();
  const adding = useMutation({ mutationFn: () => addPack(pack.name), onSuccess: () => client.invalidateQueries() });
  const state = STATES[pack.state];
  const made = [pack.features > 0 && `${count(pack.features)} features`, `${count(pack.segments)} segments`].filter(Boolean).join(", ");
  return (
    <Box component="section" className="panel" p="md" aria-label={pack.title}>
      <Group justify="space-between" align="flex-start" gap="md">
        <Box miw={0} flex="1 1 320px">
          <Group gap="sm"><Title order={2}>{pack.title}</Title>{state && <Badge variant="light" color={state.color} tt="none">{state.label}</Badge>}</Group>
          <Text size="sm" mt={4}>{pack.describe}</Text>
          <Text size="sm" c="dimmed" mt={4}><code>{pack.name}</code>: {made}</Text>
        </Box>
        <Group gap="xs">
          <Button variant="default" size="sm" aria-expanded={opened} aria-label={`${opened ? "Close" : "Look inside"} ${pack.title}`} onClick={() => void navigate({ search: { pack: opened ? undefined : pack.name }, replace: true })}>
            {opened ? "Close" : "Look inside"}
          </Button>
          {pack.state === "absent" && <Button size="sm" aria-label={`Add ${pack.title}`} loading={adding.isPending} onClick={() => adding.mutate()}>Add</Button>}
        </Group>
      </Group>
      <Stack gap="sm" mt={adding.isIdle ? 0 : "md"} aria-live="polite">
        {adding.error && <Failure error={adding.error} />}
        {adding.data && <Added done={adding.data} />}
      </Stack>
      <Collapse expanded={opened}>{opened && <Inside name={pack.name} />}</Collapse>
    </Box>
  );
}

function Added({ done }: { done: AddedPack }) {
  const client = useQueryClient();
  const computing = useMutation({ mutationFn: recompute, onSuccess: () => client.invalidateQueries() });
  return (
    <Alert color="teal" title={done.added ? `Wrote ${done.files.join(" and ")}` : "It was there already"}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          {computing.data ? "Computed: " : "The segments are empty until they are computed: "}
          {done.segments.map((name, at) => <span key={name}>{at > 0 && ", "}<TextLink to="/segments/$name" params={{ name }} underline="always">{name}</TextLink></span>)}
        </Text>
        {computing.error && <Failure error={computing.error} />}
        {!computing.data && <Button size="xs" variant="default" loading={computing.isPending} onClick={() => computing.mutate()}>Compute now</Button>}
      </Stack>
    </Alert>
  );
}

function Inside({ name }: { name: string }) {
  const query = useQuery(packQuery(name));
  return (
    <Box mt="md">
      <Loaded query={query} rows={5}>
        {(pack) => (
          <Stack gap="md">
            <Box mx="calc(var(--mantine-spacing-md) * -1)">
              <DataTable
                label={`What ${pack.summary.title} defines`}
                rows={pack.definitions}
                id={(one) => `${one.kind} ${one.name}`}
                columns={[
                  { name: "Name", cell: (one) => <Text span inherit fw={550}>{one.name}</Text> },
                  { name: "Kind", cell: (one) => one.kind },
                  { name: "What it is", wide: true, cell: (one) => one.describe },
                ]}
              />
            </Box>
            {pack.files.map((file) => (
              <div key={file.path}>
                <Text size="sm" fw={550} mb={4} component="h3">{file.path}</Text>
                <pre className="source">{file.text}</pre>
              </div>
            ))}
          </Stack>
        )}
      </Loaded>
    </Box>
  );
}
