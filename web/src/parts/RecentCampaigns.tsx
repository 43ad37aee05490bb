import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Campaign, reportQuery } from "../api";
import { money } from "../format";
import { DataTable } from "./DataTable";
import { CampaignCount } from "./Counts";
import { TextLink } from "./Links";
import { Panel } from "./Page";
import { State, When } from "./Shown";
import { Empty } from "./States";
import { useWorkspace } from "./workspace";

export function RecentCampaigns({ campaigns }: { campaigns: Campaign[] }) {
  const { currency } = useWorkspace();
  return (
    <Panel title="Recent campaigns" pad={false} actions={<TextLink to="/campaigns" size="sm">All campaigns</TextLink>}>
      {campaigns.length === 0 ? (
        <Empty title="Nothing was sent yet" command="vocative campaign send NAME">Write a campaign in campaigns/*.yaml, check it and send it.</Empty>
      ) : (
        <DataTable
          label="Recent campaigns"
          rows={campaigns}
          id={(row) => row.campaign}
          columns={[
            { name: "Campaign", cell: (row) => <TextLink to="/campaigns/$campaign" params={{ campaign: row.campaign }} fw={550}>{row.campaign}</TextLink> },
            { name: "Status", cell: (row) => <State name={row.status} /> },
            { name: "Sent", cell: (row) => <When at={row.planned_at} /> },
            { name: "Accepted", figures: true, cell: (row) => <CampaignCount campaign={row.campaign} state="accepted" shown={row.accepted} /> },
            { name: "Revenue", figures: true, cell: (row) => money(row.revenue, currency) },
            { name: "What it changed", wide: true, cell: (row) => <Lift campaign={row.campaign} /> },
          ]}
        />
      )}
    </Panel>
  );
}

/** The holdout's verdict in the server's own words. */
function Lift({ campaign }: { campaign: string }) {
  const report = useQuery(reportQuery(campaign));
  if (report.isPending) return <Text span size="sm" c="dimmed">…</Text>;
  return <Text span size="sm" c="dimmed">{report.data?.holdout?.words ?? "No holdout, so not known"}</Text>;
}
