import { Group, Text } from "@mantine/core";
import type { PersonRow } from "../api";
import { count, money } from "../format";
import { DataTable } from "./DataTable";
import { PersonLink, SegmentBadge, When } from "./Shown";
import { useWorkspace } from "./workspace";

export function PeopleTable({ people, label = "People" }: { people: PersonRow[]; label?: string }) {
  const { currency } = useWorkspace();
  return (
    <DataTable
      label={label}
      rows={people}
      id={(person) => person.person_id}
      columns={[
        { name: "Person", cell: (person) => <PersonLink id={person.person_id} name={person.name} email={person.email} /> },
        { name: "Country", minor: true, cell: (person) => person.country ?? "–" },
        { name: "Orders", figures: true, cell: (person) => count(person.orders) },
        { name: "Spent", figures: true, cell: (person) => money(person.spend, currency) },
        { name: "Last seen", cell: (person) => <When at={person.last_event_at} /> },
        { name: "Segments", wide: true, minor: true, cell: (person) => <FewSegments names={person.segments} /> },
      ]}
    />
  );
}

function FewSegments({ names }: { names: string[] }) {
  if (names.length === 0) return <Text span c="dimmed" size="sm">none</Text>;
  return (
    <Group gap={4}>
      {names.slice(0, 3).map((name) => <SegmentBadge key={name} name={name} />)}
      {names.length > 3 && <Text span size="xs" c="dimmed">and {names.length - 3} more</Text>}
    </Group>
  );
}
