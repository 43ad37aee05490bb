// People who may be one under two accounts: a queue to look through, many at once, and what was decided.
import { Tabs } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { Many } from "../match/Many";
import { Review } from "../match/Review";
import { Page } from "../parts/Page";

const route = getRouteApi("/matches");

export function Matches() {
  const { tab = "waiting" } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page title="Matches" about="People who may be one under two accounts. Nobody is joined before somebody says so, and what was joined can be separated again.">
      <Tabs value={tab} onChange={(chosen) => void navigate({ search: { tab: chosen ?? undefined } })} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="waiting">One by one</Tabs.Tab>
          <Tabs.Tab value="many">Many at once</Tabs.Tab>
          <Tabs.Tab value="accepted">Accepted</Tabs.Tab>
          <Tabs.Tab value="rejected">Rejected</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="waiting"><Review state="open" /></Tabs.Panel>
        <Tabs.Panel value="many"><Many /></Tabs.Panel>
        <Tabs.Panel value="accepted"><Review state="accepted" /></Tabs.Panel>
        <Tabs.Panel value="rejected"><Review state="rejected" /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}
