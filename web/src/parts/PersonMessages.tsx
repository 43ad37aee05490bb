import { Group } from "@mantine/core";
import type { Person } from "../api";
import { words } from "../format";
import { DataTable } from "./DataTable";
import { TextLink } from "./Links";
import { State, When } from "./Shown";
import { Empty } from "./States";

export function PersonMessages({ person }: { person: Person }) {
  if (person.messages.length === 0) {
    return <div className="panel"><Empty title="No campaign has planned a message for this person yet" /></div>;
  }
  return (
    <div className="panel">
      <DataTable
        label="Messages"
        rows={person.messages}
        id={(message) => message.message_id}
        columns={[
          { name: "Campaign", cell: (message) => <TextLink to="/campaigns/$campaign" params={{ campaign: message.campaign }} fw={550}>{message.campaign}</TextLink> },
          { name: "Variant", cell: (message) => message.arm },
          { name: "State", cell: (message) => <State name={message.state} /> },
          { name: "Reason", wide: true, cell: (message) => (message.reason ? words(message.reason) : "–") },
          { name: "Handed over", cell: (message) => <When at={message.handed_at} none="–" /> },
          {
            name: "More",
            cell: (message) => (
              <Group gap="sm" wrap="nowrap" justify="flex-end">
                <TextLink to="/people/$personId/explain" params={{ personId: person.person_id }} search={{ campaign: message.campaign }} size="sm">Why</TextLink>
                <TextLink to="/messages" search={{ campaign: message.campaign, message: message.message_id }} size="sm">Open</TextLink>
              </Group>
            ),
          },
        ]}
      />
    </div>
  );
}
