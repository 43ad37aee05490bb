// Every campaign and what became of its messages.
import { useQuery } from "@tanstack/react-query";
import { campaignsQuery } from "../api";
import { money } from "../format";
import { CampaignCount } from "../parts/Counts";
import { DataTable } from "../parts/DataTable";
import { TextLink } from "../parts/Links";
import { Page } from "../parts/Page";
import { SegmentBadge, State, When } from "../parts/Shown";
import { Empty, Loaded } from "../parts/States";
import { useWorkspace } from "../parts/workspace";

export function Campaigns() {
  const query = useQuery({ ...campaignsQuery, refetchInterval: 10_000 });
  const { currency } = useWorkspace();
  return (
    <Page title="Campaigns" about="Each opens its report: what it changed, who got it, who did not and why.">
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
                  { name: "Campaign", cell: (row) => <TextLink to="/campaigns/$campaign" params={{ campaign: row.campaign }} fw={550}>{row.campaign}</TextLink> },
                  { name: "Status", cell: (row) => <State name={row.status} /> },
                  { name: "Audience", wide: true, cell: (row) => (row.segment ? <SegmentBadge name={row.segment} /> : "own condition") },
                  { name: "Template", cell: (row) => row.template },
                  { name: "Planned", figures: true, cell: (row) => <CampaignCount campaign={row.campaign} shown={row.planned} /> },
                  { name: "Accepted", figures: true, cell: (row) => <CampaignCount campaign={row.campaign} state="accepted" shown={row.accepted} /> },
                  { name: "Skipped", figures: true, cell: (row) => <CampaignCount campaign={row.campaign} state="skipped" shown={row.skipped} /> },
                  { name: "Revenue", figures: true, cell: (row) => money(row.revenue, currency) },
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
