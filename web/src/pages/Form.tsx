// One form: how far visitors come, how to embed it, who sent it, and what is hardly a person's.
import { Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import {
  decideSubmission, type FormDetail, formQuery, type FormSubmission, type HeldSubmission, submissionsQuery,
} from "../api";
import { count } from "../format";
import { DataTable } from "../parts/DataTable";
import { ButtonLink, TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { Copyable, Facts, PersonLink, ShareBar, When } from "../parts/Shown";
import { Empty, Failure, Loaded } from "../parts/States";

const route = getRouteApi("/forms/$name");

export function Form() {
  const { name } = route.useParams();
  const query = useQuery(formQuery(name));
  return (
    <Page title={query.data?.form.title || name} crumb={<TextLink to="/forms">Forms</TextLink>} about={query.data?.form.describe}>
      <Loaded query={query} rows={6}>
        {(shown) => (
          <Stack gap="lg">
            <Funnel shown={shown} />
            <Embedding shown={shown} />
            <Submissions name={name} />
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

function Funnel({ shown }: { shown: FormDetail }) {
  const most = Math.max(1, ...shown.funnel.map((step) => step.visits));
  return (
    <Panel title="How far visitors come" note="“Shown” counts pages that were served, to programs too" pad={false}>
      <DataTable
        label="How far visitors come"
        rows={shown.funnel}
        id={(step) => step.name}
        columns={[
          { name: "Step", cell: (step) => step.name },
          { name: "Visits", figures: true, cell: (step) => count(step.visits) },
          { name: "Share", wide: true, minor: true, cell: (step) => <ShareBar share={step.visits / most} label={`${step.name}: ${count(step.visits)}`} /> },
        ]}
      />
    </Panel>
  );
}

function Embedding({ shown }: { shown: FormDetail }) {
  const sites = shown.sites.length > 0 ? shown.sites.join(", ") : "none: name them under `sites` in its file";
  return (
    <Panel title="Where it stands">
      <Facts
        facts={[
          ["On its own page", <Copyable key="address" text={shown.form.address} label="Copy the address" />],
          ["In a page", <Copyable key="embed" text={shown.embed} label="Copy the code for a page" />],
          ["Over a page", <Copyable key="popup" text={shown.popup} label="Copy the code for over a page" />],
          ["Sites that may", sites],
          ["Languages", shown.languages.join(", ")],
          ["Version", shown.version],
        ]}
      />
    </Panel>
  );
}

function Submissions({ name }: { name: string }) {
  const { before } = route.useSearch();
  const query = useQuery(submissionsQuery(name, before));
  return (
    <Loaded query={query} rows={5}>
      {(page) => (
        <>
          {page.held.length > 0 && <Held held={page.held} />}
          <Panel title="Submissions" note="Newest first; looking is audited" pad={false}>
            {page.submissions.length === 0
              ? <Empty title="Nobody has sent it yet" />
              : <Sent submissions={page.submissions} />}
            {page.next && (
              <Group p="md"><ButtonLink variant="default" to="/forms/$name" params={{ name }} search={{ before: page.next }}>Older ones</ButtonLink></Group>
            )}
          </Panel>
        </>
      )}
    </Loaded>
  );
}

function Sent({ submissions }: { submissions: FormSubmission[] }) {
  return (
    <DataTable
      label="Submissions"
      rows={submissions}
      id={(one) => one.submission}
      columns={[
        {
          name: "Who",
          cell: (one) => (one.person_id ? <PersonLink id={one.person_id} name={one.name} email={one.email} /> : "nobody in particular"),
        },
        { name: "Sent", cell: (one) => <When at={one.at} /> },
        {
          name: "Address",
          cell: (one) => (one.waits ? <Badge variant="light" color="yellow" tt="none">not confirmed</Badge> : "–"),
        },
        { name: "Answers", wide: true, minor: true, cell: (one) => <Text size="sm" className="break">{answers(one.answers)}</Text> },
      ]}
    />
  );
}

function Held({ held }: { held: HeldSubmission[] }) {
  const client = useQueryClient();
  const deciding = useMutation({ mutationFn: decideSubmission, onSuccess: () => client.invalidateQueries({ queryKey: ["forms"] }) });
  return (
    <Panel title="Kept aside" note="Hardly a person's. Forgotten after 30 days unless released" pad={false}>
      {deciding.error && <Failure error={deciding.error} />}
      <DataTable
        label="Kept aside"
        rows={held}
        id={(one) => one.submission}
        columns={[
          { name: "Sent", cell: (one) => <When at={one.held_at} /> },
          { name: "Why", wide: true, cell: (one) => one.words },
          {
            name: "Decide",
            cell: (one) => (
              <Group gap="xs" wrap="nowrap">
                <Button size="xs" variant="default" disabled={deciding.isPending} onClick={() => deciding.mutate({ submission: one.submission, release: true })}>Take in</Button>
                <Button size="xs" variant="subtle" color="gray" disabled={deciding.isPending} onClick={() => deciding.mutate({ submission: one.submission, release: false })}>Forget</Button>
              </Group>
            ),
          },
        ]}
      />
    </Panel>
  );
}

function answers(given: Record<string, unknown>): string {
  const shown = Object.entries(given).map(([question, answer]) => `${question}: ${Array.isArray(answer) ? answer.join(", ") : answer === true ? "yes" : answer === false ? "no" : String(answer)}`);
  return shown.join("; ") || "–";
}
