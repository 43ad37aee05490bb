// One template as somebody gets it, in light and dark, on a phone and as plain text; and its versions.
import { Badge, Box, Button, Group, SegmentedControl, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { type TemplatePreview, templateDiffQuery, templatePreviewQuery, type TemplateVersion, templateVersionsQuery } from "../api";
import { DataTable } from "../parts/DataTable";
import { ButtonLink, TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { When } from "../parts/Shown";
import { Empty, Loaded } from "../parts/States";

const route = getRouteApi("/templates/$name");
const FOLDER = "folder";
const VIEWS = [
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
  { value: "phone", label: "Phone" },
  { value: "text", label: "Plain text" },
];
const WHO = [
  { value: "sample", label: "Made up" },
  { value: "nobody", label: "Nobody" },
  { value: "person", label: "A person" },
];

export function Template() {
  const { name } = route.useParams();
  return (
    <Page title={name} crumb={<TextLink to="/templates">Templates</TextLink>}>
      <Stack gap="lg">
        <Preview name={name} />
        <Versions name={name} />
      </Stack>
    </Page>
  );
}

function Preview({ name }: { name: string }) {
  const { view = "light", who = "sample", person = "", version = FOLDER } = route.useSearch();
  const navigate = route.useNavigate();
  const set = (changes: Record<string, string | undefined>) => void navigate({ search: (old) => ({ ...old, ...changes }), replace: true });
  const waiting = who === "person" && person === "";
  const query = useQuery({
    ...templatePreviewQuery(name, {
      version,
      nobody: who === "nobody",
      person: who === "person" ? person : undefined,
      scheme: view === "dark" ? "dark" : "light",
    }),
    enabled: !waiting,
  });
  return (
    <Panel
      title="Preview"
      note={version === FOLDER ? "As the folder has it now" : <>Version <code>{version}</code></>}
      actions={version !== FOLDER && <Button size="xs" variant="default" onClick={() => set({ version: undefined })}>Back to now</Button>}
    >
      <Stack gap="md">
        <Group gap="md" align="flex-end">
          <Choice label="For" value={who} data={WHO} onChange={(chosen) => set({ who: chosen })} />
          <Choice label="View" value={view} data={VIEWS} onChange={(chosen) => set({ view: chosen })} />
        </Group>
        {who === "person" && <PersonField given={person} onGiven={(given) => set({ person: given })} />}
        {waiting ? <Empty title="Whose mail?">Name somebody by id, e-mail address or user id.</Empty> : <Loaded query={query} rows={8}>{(page) => <Mail page={page} view={view} />}</Loaded>}
      </Stack>
    </Panel>
  );
}

function Choice({ label, ...rest }: { label: string; value: string; data: { value: string; label: string }[]; onChange: (chosen: string) => void }) {
  return (
    <Box>
      <Text size="xs" c="dimmed" mb={4}>{label}</Text>
      <SegmentedControl size="xs" aria-label={label} {...rest} />
    </Box>
  );
}

function PersonField({ given, onGiven }: { given: string; onGiven: (given: string) => void }) {
  const [typed, setTyped] = useState(given);
  return (
    <form onSubmit={(event) => { event.preventDefault(); onGiven(typed.trim()); }}>
      <Group gap="xs" align="flex-end">
        <TextInput label="Person" value={typed} onChange={(event) => setTyped(event.currentTarget.value)} placeholder="id, e-mail address or user id" miw={260} />
        <Button type="submit" variant="default">Show</Button>
      </Group>
    </form>
  );
}

function Mail({ page, view }: { page: TemplatePreview; view: string }) {
  return (
    <div className="panel">
      <Box p="md">
        <Title order={3} className="break">{page.subject}</Title>
        {page.preheader && <Text size="sm" c="dimmed">{page.preheader}</Text>}
        <Text size="xs" c="dimmed" mt={4} className="break">From {page.from_name}, in {page.language}</Text>
      </Box>
      <Box p={view === "text" ? "md" : 0} style={{ borderTop: "1px solid var(--line)", background: "var(--soft)", borderRadius: "0 0 12px 12px", overflow: "hidden" }}>
        {view === "text"
          ? <pre className="source" aria-label="Plain text">{page.text}</pre>
          : (
            // No script runs in it and no window opens: nothing in a template can touch this app.
            <iframe
              srcDoc={page.html} title="Mail" sandbox="" referrerPolicy="no-referrer"
              style={{ display: "block", border: 0, width: view === "phone" ? 390 : "100%", maxWidth: "100%", height: 640, margin: "0 auto", background: "#fff" }}
            />
          )}
      </Box>
    </div>
  );
}

function Versions({ name }: { name: string }) {
  const query = useQuery(templateVersionsQuery(name));
  const { compare } = route.useSearch();
  return (
    <Panel title="Versions" note="Every state that was applied or sent" pad={false}>
      <Loaded query={query} rows={3}>{(versions) => <VersionTable versions={versions} />}</Loaded>
      {compare && <Box p="md"><Difference name={name} old={compare} /></Box>}
    </Panel>
  );
}

function VersionTable({ versions }: { versions: TemplateVersion[] }) {
  return (
    <DataTable
      label="Versions"
      rows={versions}
      id={(one) => one.version}
      columns={[
        {
          name: "Version",
          wide: true,
          cell: (one) => <Group gap="xs"><code>{one.version}</code>{one.current && <Badge variant="light" tt="none">Now</Badge>}</Group>,
        },
        { name: "Accepted", cell: (one) => <When at={one.accepted_at} none="not applied yet" /> },
        { name: "By", minor: true, cell: (one) => one.author ?? "–" },
        {
          name: "Look",
          cell: (one) => !one.current && (
            <Group gap="xs" wrap="nowrap">
              <ButtonLink from="/templates/$name" to="." search={(old) => ({ ...old, version: one.version })} size="compact-sm" variant="default" aria-label={`Show ${one.version}`}>Show</ButtonLink>
              <ButtonLink from="/templates/$name" to="." search={(old) => ({ ...old, compare: one.version })} size="compact-sm" variant="default" aria-label={`Compare ${one.version}`}>Compare</ButtonLink>
            </Group>
          ),
        },
      ]}
    />
  );
}

function Difference({ name, old }: { name: string; old: string }) {
  const query = useQuery(templateDiffQuery(name, old));
  return (
    <Loaded query={query} rows={4}>
      {(found) => (
        <Stack gap="sm">
          <Title order={3}>From <code>{old}</code> to now, as written</Title>
          <pre className="source" aria-label="As written">{found.written || "Nothing differs."}</pre>
          {found.rendered && <Title order={3}>As somebody gets it</Title>}
          {found.rendered && <pre className="source" aria-label="As somebody gets it">{found.rendered}</pre>}
        </Stack>
      )}
    </Loaded>
  );
}
