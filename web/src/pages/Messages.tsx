// The messages of a campaign, each as it was rendered for its person.
import { Box, Grid, Group, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { campaignsQuery } from "../api";
import { TextLink } from "../parts/Links";
import { MessageList } from "../parts/MessageList";
import { MessageView } from "../parts/MessageView";
import { Page, Panel } from "../parts/Page";
import { Empty, Loaded } from "../parts/States";

const route = getRouteApi("/messages");
const STATES = ["accepted", "skipped", "planned", "rendered", "claimed", "handed", "deferred", "bounced", "failed", "ambiguous"];

export function Messages() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const campaigns = useQuery(campaignsQuery);
  const campaign = search.campaign ?? campaigns.data?.[0]?.campaign;
  const filter = (key: "campaign" | "state" | "arm" | "reason") => (chosen: string | null) =>
    void navigate({ search: (old) => ({ ...old, message: undefined, after: undefined, [key]: chosen ?? undefined }) });
  const report = campaign && <TextLink to="/campaigns/$campaign" params={{ campaign }}>Report of {campaign}</TextLink>;
  return (
    <Page title="Messages" about={report}>
      <Loaded query={campaigns}>
        {(all) =>
          campaign === undefined ? (
            <Panel><Empty title="No campaign has planned a message yet" command="vocative campaign send NAME" /></Panel>
          ) : (
            <>
              <Group gap="sm">
                <Select aria-label="Campaign" w={240} searchable allowDeselect={false} value={campaign} onChange={filter("campaign")} data={[...new Set([campaign, ...all.map((one) => one.campaign)])]} />
                <Select aria-label="State" placeholder="Any state" w={160} clearable value={search.state ?? null} onChange={filter("state")} data={[...new Set([...STATES, ...(search.state ? [search.state] : [])])]} />
                {search.arm && <Select aria-label="Variant" w={160} clearable value={search.arm} onChange={filter("arm")} data={[search.arm]} />}
                {search.reason && <Select aria-label="Reason" w={260} clearable value={search.reason} onChange={filter("reason")} data={[search.reason]} />}
              </Group>
              <Grid gap="lg">
                <Grid.Col span={{ base: 12, md: 4 }} visibleFrom={search.message ? "md" : undefined}><MessageList campaign={campaign} /></Grid.Col>
                <Grid.Col span={{ base: 12, md: 8 }}>
                  {search.message ? (
                    <>
                      <Box hiddenFrom="md" mb="sm"><TextLink to="/messages" search={{ ...search, message: undefined }}>All messages</TextLink></Box>
                      <MessageView id={search.message} />
                    </>
                  ) : (
                    <Box visibleFrom="md" className="panel"><Empty title="Choose a message">It is shown here as it was rendered for its person, on a desktop, on a phone and as plain text.</Empty></Box>
                  )}
                </Grid.Col>
              </Grid>
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
