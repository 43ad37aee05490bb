// Every template: what it is for, its languages and the state that the folder has.
import { Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type TemplateSummary, templatesQuery } from "../api";
import { DataTable } from "../parts/DataTable";
import { TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { Empty, Loaded } from "../parts/States";

export function Templates() {
  const query = useQuery(templatesQuery);
  return (
    <Page title="Templates" about="What mails say. A template is a pair of files in templates/; campaigns name it.">
      <Loaded query={query} rows={4}>
        {(templates) => (
          <Panel pad={false}>
            {templates.length === 0
              ? <Empty title="There is no template yet">Write templates/welcome.mjml and templates/welcome.yaml in the workspace’s folder.</Empty>
              : <TemplateTable templates={templates} />}
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}

function TemplateTable({ templates }: { templates: TemplateSummary[] }) {
  return (
    <DataTable
      label="Templates"
      rows={templates}
      id={(one) => one.name}
      columns={[
        {
          name: "Template",
          wide: true,
          cell: (one) => (
            <Stack gap={2}>
              <TextLink to="/templates/$name" params={{ name: one.name }} fw={550} className="break">{one.name}</TextLink>
              {one.describe && <Text size="sm">{one.describe}</Text>}
            </Stack>
          ),
        },
        { name: "Written in", cell: (one) => one.markup.toUpperCase() },
        { name: "Other languages", cell: (one) => one.languages.join(", ") || "none" },
        { name: "Version", minor: true, cell: (one) => <code>{one.version}</code> },
      ]}
    />
  );
}
