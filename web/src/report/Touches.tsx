// Opens and clicks by whom: people, or machines such as privacy proxies and link scanners.
import { Box, Group, Stack, Text } from "@mantine/core";
import type { Report } from "../api";
import { count } from "../format";
import { Panel } from "../parts/Page";

export function TouchSplit({ report }: { report: Report }) {
  return (
    <Panel title="People and machines" note="Opens by privacy proxies and clicks by scanners are labelled, never counted as people and never dropped.">
      <Stack gap="lg" mt="sm">
        <Split name="Opens" touches={report.opens} />
        <Split name="Clicks" touches={report.clicks} />
      </Stack>
    </Panel>
  );
}

function Split({ name, touches }: { name: string; touches: Report["opens"] }) {
  const whole = Math.max(1, touches.human_events + touches.machine_events);
  const share = (100 * touches.human_events) / whole;
  return (
    <div>
      <Text size="sm" fw={600} mb={6}>{name}</Text>
      <Group gap={2} wrap="nowrap" role="img" aria-label={`${name}: ${count(touches.human_events)} by people, ${count(touches.machine_events)} by machines`}>
        <Box h={14} w={`${share}%`} style={{ borderRadius: 4, background: "var(--mantine-color-iris-5)" }} />
        <Box h={14} w={`${100 - share}%`} style={{ borderRadius: 4, background: "light-dark(var(--mantine-color-gray-5), var(--mantine-color-dark-3))" }} />
      </Group>
      <Group justify="space-between" mt={6} gap="xs">
        <Text size="sm" className="figures">People: {count(touches.human_messages)} messages, {count(touches.human_events)} times</Text>
        <Text size="sm" c="dimmed" className="figures">Machines: {count(touches.machine_messages)} messages, {count(touches.machine_events)} times</Text>
      </Group>
    </div>
  );
}
