// What came in from files, and each row that was refused with its reason.
import { Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Import, importsQuery } from "../api";
import { count } from "../format";
import { DataTable } from "../parts/DataTable";
import { Page, Panel } from "../parts/Page";
import { ShareBar, When } from "../parts/Shown";
import { Empty, Loaded } from "../parts/States";

export function Imports() {
  const query = useQuery({ ...importsQuery, refetchInterval: 10_000 });
  return (
    <Page title="Imports" about="Files taken in. A row that could not be used is never dropped silently: it is listed here and kept in rejects/.">
      <Loaded query={query} rows={6}>
        {(imports) => (
          <Stack gap="lg">
            {imports.length === 0 && (
              <Panel><Empty title="Nothing was imported yet" command="vocative import customers.csv">Take in CSV, JSON lines or Parquet; the mapping of columns is a file too.</Empty></Panel>
            )}
            {imports.map((one) => <Taken key={`${one.file_name} ${one.started_at}`} taken={one} />)}
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

function Taken({ taken }: { taken: Import }) {
  const refused = Object.entries({ ...taken.refused, ...taken.notes });
  const told = [
    ...(taken.duplicates ? [`${count(taken.duplicates)} were known already`] : []),
    ...refused.map(([reason, rows]) => `${reason}: ${count(rows)}`),
  ];
  return (
    <Panel title={taken.file_name} note={<>{taken.source}, <When at={taken.started_at} /></>}>
      <Group gap="md" mb={taken.rejected.length > 0 || told.length > 0 ? "xs" : 0}>
        <Text size="sm" className="figures"><Text span inherit fw={650}>{count(taken.used)}</Text> of {count(taken.rows)} rows used</Text>
        <div style={{ flex: 1, maxWidth: 280 }}>
          <ShareBar share={taken.rows ? taken.used / taken.rows : 0} label={`${count(taken.used)} of ${count(taken.rows)} rows used`} />
        </div>
      </Group>
      {told.length > 0 && <Text size="sm" c="dimmed" className="sentence">{told.join("; ")}</Text>}
      {taken.rejected.length > 0 && (
        <DataTable
          label={`Rows of ${taken.file_name} that were refused`}
          rows={taken.rejected}
          id={(row) => row.reason}
          columns={[
            { name: "Reason", wide: true, cell: (row) => row.reason },
            { name: "Rows", figures: true, cell: (row) => count(row.rows) },
            { name: "For example line", figures: true, cell: (row) => (row.example_line === null ? "–" : count(row.example_line)) },
          ]}
        />
      )}
    </Panel>
  );
}
