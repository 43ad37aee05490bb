import { Box, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { words } from "../format";
import { type MessageRow, messagesQuery } from "../api";
import { PlainLink } from "./Links";
import { Paging } from "./Paging";
import styles from "./PickList.module.css";
import { State, When } from "./Shown";
import { Empty, Loaded } from "./States";

const route = getRouteApi("/messages");

export function MessageList({ campaign }: { campaign: string }) {
  const { state, arm, reason, after, message } = route.useSearch();
  const query = useQuery(messagesQuery(campaign, { state, arm, reason, after, limit: 25 }));
  return (
    <div className="panel">
      <Loaded query={query} rows={8}>
        {(page) =>
          page.messages.length === 0 ? (
            <Empty title="No such messages">Clear a filter to see more.</Empty>
          ) : (
            <>
              <Box component="ul" className={styles.list} aria-label="Messages">
                {page.messages.map((row) => <Row key={row.message_id} row={row} chosen={row.message_id === message} />)}
              </Box>
              <Paging shown={page.messages.length} total={page.total} noun="messages" after={after} next={page.next} />
            </>
          )
        }
      </Loaded>
    </div>
  );
}

function Row({ row, chosen }: { row: MessageRow; chosen: boolean }) {
  const search = route.useSearch();
  return (
    <li>
      <PlainLink to="/messages" search={{ ...search, message: row.message_id }} className={styles.row} aria-current={chosen ? "true" : undefined}>
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Text size="sm" fw={550} truncate>{row.name ?? row.email ?? row.person_id}</Text>
          <State name={row.state} />
        </Group>
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Text size="xs" c="dimmed" truncate>{row.reason ? words(row.reason) : (row.email ?? "")}</Text>
          <Text size="xs" c="dimmed" style={{ flex: "none" }}>{row.arm} · <When at={row.handed_at} none="not sent" /></Text>
        </Group>
      </PlainLink>
    </li>
  );
}
