// One mail as its person got it, or would have got it, and the decision behind it.
import { Alert, Box, Group, SegmentedControl, Stack, Text, Title } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ApiError, type Message, messageQuery } from "../api";
import { words } from "../format";
import { ButtonLink } from "./Links";
import { MailFrame } from "./MailFrame";
import { Panel } from "./Page";
import { Facts, PersonLink, State, When } from "./Shown";
import { Nested } from "./Nested";
import { Empty, Loaded } from "./States";

const route = getRouteApi("/messages");
const WIDTHS = { desktop: "100%", phone: 390 } as const;

export function MessageView({ id }: { id: string }) {
  const query = useQuery(messageQuery(id));
  if (query.error instanceof ApiError && query.error.kind === "state") {
    return <Panel><Empty title="Nothing was sent"><span className="sentence" style={{ display: "block" }}>{query.error.message}</span></Empty></Panel>;
  }
  return <Loaded query={query} rows={8}>{(message) => <Whole id={id} message={message} />}</Loaded>;
}

function Whole({ id, message }: { id: string; message: Message }) {
  const { view = "desktop" } = route.useSearch();
  const navigate = route.useNavigate();
  const { message: row } = message;
  return (
    <Stack gap="lg">
      {!message.exact && (
        <Alert icon={<IconInfoCircle />} color={row.handed_at ? "blue" : "yellow"} title={row.handed_at ? "Rendered again" : `Not sent: ${words(row.reason ?? row.state)}`}>
          {row.handed_at ? "The channel keeps no copy, so this was rendered again from the recorded decision." : "This is what the mail would have said."}
        </Alert>
      )}
      <div className="panel">
        <Group justify="space-between" align="flex-start" p="md" gap="md">
          <Box miw={220} flex={1}>
            <Title order={2} className="break">{message.subject || "No subject: it was not rendered"}</Title>
            {message.preheader && <Text size="sm" c="dimmed">{message.preheader}</Text>}
            <Text size="xs" c="dimmed" mt={4} className="break">From {message.sender}<br />To {message.to}</Text>
          </Box>
          <SegmentedControl
            size="xs" aria-label="Preview" value={view} data={[{ value: "desktop", label: "Desktop" }, { value: "phone", label: "Phone" }, { value: "text", label: "Plain text" }]}
            onChange={(chosen) => void navigate({ search: (old) => ({ ...old, view: chosen }), replace: true })}
          />
        </Group>
        <Box p={view === "text" ? "md" : 0} style={{ borderTop: "1px solid var(--line)", background: "var(--soft)", borderRadius: "0 0 12px 12px", overflow: "hidden" }}>
          {view === "text" ? (
            <pre className="source" aria-label="Plain text">{message.text}</pre>
          ) : (
            <MailFrame id={id} to={message.to} width={WIDTHS[view as keyof typeof WIDTHS] ?? "100%"} />
          )}
        </Box>
      </div>
      <Panel
        title="Why this, for this person"
        actions={<ButtonLink to="/people/$personId/explain" params={{ personId: row.person_id }} search={{ campaign: row.campaign }} variant="default" size="xs">Every condition</ButtonLink>}
      >
        <Group mb="sm" justify="space-between"><PersonLink id={row.person_id} name={row.name} email={row.email} /><State name={row.state} /></Group>
        <Facts
          facts={[
            ["Variant", row.arm],
            ["Handed over", <When key="at" at={row.handed_at} none="not handed over" />],
            ["Provider said", row.provider_reply ?? "–"],
            ...Object.entries(message.decision)
              .filter(([name, seen]) => seen !== null && name !== "branches")
              .map(([name, seen]): [string, ReactNode] => [words(name), <Nested key={name} shown={seen} />]),
            ["Template branches", message.branches.length > 0 ? message.branches.map((branch) => <code key={branch} style={{ display: "block" }}>{branch}</code>) : "none taken"],
          ]}
        />
      </Panel>
    </Stack>
  );
}
