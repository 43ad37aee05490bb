import { Text } from "@mantine/core";
import type { Report } from "../api";
import { money, rate } from "../format";
import { CampaignCount } from "../parts/Counts";
import { DataTable } from "../parts/DataTable";
import { Panel } from "../parts/Page";

export function Arms({ report }: { report: Report }) {
  return (
    <Panel title="Variants" pad={false} note={report.sample_ratio?.words}>
      <DataTable
        label="Variants"
        rows={report.arms}
        id={(arm) => arm.name}
        columns={[
          { name: "Variant", wide: true, cell: (arm) => <><Text span fw={600} size="sm">{arm.name}</Text>{arm.subject && <Text size="xs" c="dimmed">{arm.subject}</Text>}</> },
          { name: "People", figures: true, cell: (arm) => <CampaignCount campaign={report.campaign} arm={arm.name} shown={arm.people} /> },
          { name: "Opened", figures: true, cell: (arm) => rate(arm.opened.rate) },
          { name: "Clicked", figures: true, cell: (arm) => rate(arm.clicked.rate) },
          { name: "Unsubscribed", figures: true, cell: (arm) => rate(arm.unsubscribed.rate) },
          { name: "Converted", figures: true, cell: (arm) => rate(arm.converted.rate) },
          { name: "Revenue", figures: true, cell: (arm) => money(arm.revenue, report.currency) },
          { name: "Per person", figures: true, cell: (arm) => money(arm.revenue_per_person, report.currency) },
        ]}
      />
    </Panel>
  );
}
