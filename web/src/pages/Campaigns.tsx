// Every campaign and what became of its messages.
import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Campaign, campaignsQuery } from "../api";
import { Halted, KillSwitch } from "../campaign/KillSwitch";
import { CampaignCount } from "../parts/Counts";
import { DataTable } from "../parts/DataTable";
import { TextLink } from "../parts/Links";
import { Page } from "../parts/Page";
import { State, When } from "../parts/Shown";
import { Empty, Loaded } from "../parts/States";

export function Campaigns() {
  const query = useQuery({ ...campaignsQuery, refetchInterval: 10_000 });
  return (
    <Page title="Campaigns" about="Each opens its page: how it goes, what it changed, who got it, who did not and why." actions={<KillSwitch />}>
      <Halted />
      <div className="panel">
        <Loaded query={query} rows={6}>
          {(campaigns) =>
            campaigns.length === 0 ? (
              <Empty title="Nothing was sent yet" command="vocative campaign send NAME">Write a campaign in campaigns/*.yaml, look at it with vocative check, then send it.</Empty>
            ) : (
              <DataTable
                label="Campaigns"
                rows={campaigns}
                id={(row) => row.campaign}
                columns={[
                  { name: "Campaign", cell: (row) => <CampaignName campaign={row} /> },
                  { name: "Status", cell: (row) => <State name={row.status} /> },
                  { name: "Audience", wide: true, minor: true, cell: (row) => <code className="break">{row.audience}</code> },
                  { name: "Template", cell: (row) => row.template },
                  { name: "Planned", figures: true, cell: (row) => <CampaignCount campaign={row.campaign} shown={row.planned} /> },
                  { name: "Accepted", figures: true, cell: (row) => <CampaignCount campaign={row.campaign} state="accepted" shown={row.accepted} /> },
                  { name: "Skipped", figures: true, cell: (row) => <CampaignCount campaign={row.campaign} state="skipped" shown={row.skipped} /> },
                  { name: "Started", cell: (row) => <When at={row.planned_at} /> },
                ]}
              />
            )
          }
        </Loaded>
      </div>
    </Page>
  );
}

function CampaignName({ campaign: { campaign, describe } }: { campaign: Campaign }) {
  return (
    <>
      <TextLink to="/campaigns/$campaign" params={{ campaign }} fw={550}>{campaign}</TextLink>
      {describe && <Text size="xs" c="dimmed" style={{ whiteSpace: "normal" }} maw={320}>{describe}</Text>}
    </>
  );
}
