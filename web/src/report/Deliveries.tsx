// What became of every planned message; each number opens the messages it counts.
import { Group, SimpleGrid, Stack, Text } from "@mantine/core";
import type { Report } from "../api";
import { count, words } from "../format";
import { CampaignCount } from "../parts/Counts";
import { Panel } from "../parts/Page";

export function Deliveries({ report }: { report: Report }) {
  const skipped = Object.entries(report.skipped).sort((one, other) => other[1] - one[1]);
  const ends: [string, number, { state?: string; arm?: string }][] = [
    ["Planned", report.planned, {}],
    ["Held out", report.held_out, { arm: "holdout" }],
    ["Accepted", report.accepted, { state: "accepted" }],
    ["In progress", report.in_progress, { state: "planned" }],
    ["Deferred", report.deferred, { state: "deferred" }],
    ["Bounced", report.bounced, { state: "bounced" }],
    ["Failed", report.failed, { state: "failed" }],
    ["Ambiguous", report.ambiguous, { state: "ambiguous" }],
  ];
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
      <Panel title="Delivery" note={`${count(report.delivered)} delivered, of which the receiver confirmed ${count(report.delivery_confirmed)}`}>
        <SimpleGrid cols={{ base: 2, xs: 4 }} spacing="md" mt="xs">
          {ends.map(([name, shown, which]) => (
            <div key={name}>
              <Text size="sm" c="dimmed">{name}</Text>
              <Text fz="xl" fw={650} component="div"><CampaignCount campaign={report.campaign} shown={shown} {...which} /></Text>
            </div>
          ))}
        </SimpleGrid>
      </Panel>
      <Panel title="Skipped, by reason" note="Each opens the people behind it">
        <Stack gap="xs" mt="xs">
          {skipped.length === 0 && <Text size="sm" c="dimmed">Nobody was skipped.</Text>}
          {skipped.map(([reason, shown]) => (
            <Group key={reason} justify="space-between" wrap="nowrap">
              <Text size="sm" className="break sentence">{words(reason)}</Text>
              <Text size="sm" component="div"><CampaignCount campaign={report.campaign} state="skipped" reason={reason} shown={shown} /></Text>
            </Group>
          ))}
        </Stack>
      </Panel>
    </SimpleGrid>
  );
}
