// Everybody who brings events: what they are, how far they are, and what could not be used.
import { Badge, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Source, sourcesQuery } from "../api";
import { count } from "../format";
import { DataTable } from "../parts/DataTable";
import { TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { Empty, Loaded } from "../parts/States";

const LIVE_MS = 10_000;

export function Sources() {
  const query = useQuery({ ...sourcesQuery, refetchInterval: LIVE_MS });
  return (
    <Page title="Sources" about="Where events come from. What a source brings counts once, however often it comes.">
      <Loaded query={query} rows={6}>
        {(sources) => (
          <Panel pad={false}>
            {sources.length === 0
              ? <Empty title="Nobody brings events yet" command="vocative source new NAME --kind webhook">Clients with a write key, shops, CRMs, databases, webhooks: each is a file in sources/.</Empty>
              : <SourceTable sources={sources} />}
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}

function SourceTable({ sources }: { sources: Source[] }) {
  return (
    <DataTable
      label="Sources"
      rows={sources}
      id={(source) => source.name}
      columns={[
        {
          name: "Source",
          wide: true,
          cell: (source) => (
            <Stack gap={2}>
              <TextLink to="/sources/$name" params={{ name: source.name }} fw={550} className="break">{source.name}</TextLink>
              {source.describe && <Text size="sm">{source.describe}</Text>}
            </Stack>
          ),
        },
        { name: "Kind", cell: (source) => source.kind },
        {
          name: "State",
          cell: (source) => {
            const troubled = source.streams.filter((stream) => stream.error);
            return (
              <Group gap={6}>
                {troubled.length > 0
                  ? <Badge variant="light" color="red" tt="none">{troubled[0]?.state}</Badge>
                  : <Badge variant="light" color="teal" tt="none">fine</Badge>}
              </Group>
            );
          },
        },
        { name: "Applied", figures: true, cell: (source) => count(source.applied) },
        { name: "Known before", figures: true, minor: true, cell: (source) => count(source.duplicates) },
        { name: "Rejected", figures: true, cell: (source) => count(Object.values(source.rejected).reduce((sum, events) => sum + events, 0)) },
      ]}
    />
  );
}
