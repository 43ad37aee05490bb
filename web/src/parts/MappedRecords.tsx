// What a mapping makes of a payload: each record with its events, or why it cannot be used.
import { Badge, Box, Group, Stack, Text } from "@mantine/core";
import type { MappingPreview } from "../api";
import { count } from "../format";

type Mapped = MappingPreview["records"][number];

export function MappedRecords({ preview }: { preview: MappingPreview }) {
  if (preview.payload !== null && preview.records.length === 0) {
    return <Text size="sm">There is no record where the source's definition says (<code>records:</code>).</Text>;
  }
  return (
    <Stack gap="sm" component="ol" m={0} p={0} aria-label="What it becomes" style={{ listStyle: "none" }}>
      {preview.records.map((record, number) => <Record key={number} record={record} number={number + 1} />)}
      {preview.more > 0 && <Text component="li" size="sm" c="dimmed">and {count(preview.more)} more records</Text>}
    </Stack>
  );
}

function Record({ record, number }: { record: Mapped; number: number }) {
  const nothing = record.events.length === 0 && record.items.length === 0;
  return (
    <Box component="li">
      <Text size="sm" fw={600} mb={4}>
        Record {number}: {record.refused !== null && record.refused !== undefined
          ? <>kept, not used: {record.refused}</>
          : nothing ? "nothing" : `${count(record.events.length)} events, ${count(record.items.length)} items`}
      </Text>
      <Stack gap="xs">
        {record.events.map((event, index) => <Made key={index} title={titleOf(event)} made={event} />)}
        {record.items.map((item, index) => <Made key={`item ${index}`} title="Item of the catalog" made={item} />)}
      </Stack>
    </Box>
  );
}

function titleOf(event: Record<string, unknown>) {
  return event.type === "track" ? String(event.event) : String(event.type);
}

function Made({ title, made }: { title: string; made: Record<string, unknown> }) {
  return (
    <Box>
      <Group gap={6} mb={2}><Badge variant="light" color="iris" tt="none" fw={600}>{title}</Badge></Group>
      <pre className="source">{JSON.stringify(made, null, 1)}</pre>
    </Box>
  );
}
