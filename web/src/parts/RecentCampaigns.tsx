import { Badge, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Campaign, reportQuery } from "../api";
import { count, money, signed, words } from "../format";
import { DataTable } from "./DataTable";
import { CampaignCount } from "./Counts";
import { TextLink } from "./Links";
import { Panel } from "./Page";
import { State, When } from "./Shown";
import { Empty } from "./States";

export function RecentCampaigns({ campaigns }: { campaigns: Campaign[] }) {
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
            { name: "Revenue", figures: true, cell: (row) => <Revenue campaign={row} /> },
            { name: "What it changed", wide: true, cell: (row) => <Lift campaign={row} /> },
          ]}
        />
      )}
    </Panel>
  );
}

/** Reports are only asked for where something was sent; both cells share one answer. */
const useReport = ({ campaign, planned }: Campaign) => useQuery({ ...reportQuery(campaign), enabled: planned > 0 });

function Revenue({ campaign }: { campaign: Campaign }) {
  const { data } = useReport(campaign);
  return data ? money(data.revenue, data.currency) : "–";
}

/** The effect against the holdout, with its interval. */
function Lift({ campaign }: { campaign: Campaign }) {
  const { data, isLoading } = useReport(campaign);
  if (isLoading) return <Text span size="sm" c="dimmed">Counting…</Text>;
  if (!data?.holdout) return <Text span size="sm" c="dimmed">{data ? "Nobody was held out, so not known" : campaign.describe}</Text>;
  const { conversion, incremental_conversions: more, incremental_conversions_interval: interval } = data.holdout;
  return (
    <Group gap="xs">
      <Badge variant="light" tt="none" color={conversion.verdict === "better" ? "teal" : "gray"}>{words(conversion.verdict)}</Badge>
      {more !== null && <Text span size="sm" className="figures">{signed(more, count)} conversions{interval && <Text span inherit c="dimmed"> ({count(interval.low)} to {count(interval.high)})</Text>}</Text>}
    </Group>
  );
}
