// Every form: where it stands, and what visitors did with it.
import { Badge, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormSummary, formsQuery } from "../api";
import { count } from "../format";
import { DataTable } from "../parts/DataTable";
import { TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { Empty, Loaded } from "../parts/States";

export function Forms() {
  const query = useQuery(formsQuery);
  return (
    <Page title="Forms" about="What visitors are asked. A form is a file in forms/; it stands on a page of its own and in pages of your sites.">
      <Loaded query={query} rows={4}>
        {(forms) => (
          <Panel pad={false}>
            {forms.length === 0
              ? <Empty title="There is no form yet">Write forms/newsletter.yaml in the workspace's folder: a running server takes it up at once.</Empty>
              : <FormTable forms={forms} />}
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}

function FormTable({ forms }: { forms: FormSummary[] }) {
  return (
    <DataTable
      label="Forms"
      rows={forms}
      id={(form) => form.name}
      columns={[
        {
          name: "Form",
          wide: true,
          cell: (form) => (
            <Stack gap={2}>
              <TextLink to="/forms/$name" params={{ name: form.name }} fw={550} className="break">{form.title || form.name}</TextLink>
              {form.describe && <Text size="sm">{form.describe}</Text>}
            </Stack>
          ),
        },
        { name: "Shown", figures: true, cell: (form) => count(form.views) },
        { name: "Sent", figures: true, cell: (form) => count(form.submissions) },
        { name: "Confirmed", figures: true, cell: (form) => (form.double_opt_in ? count(form.confirmed) : "–") },
        {
          name: "Kept aside",
          cell: (form) => (form.held > 0 ? <Badge variant="light" color="yellow" tt="none">{count(form.held)}</Badge> : "none"),
        },
      ]}
    />
  );
}
