// A person's events, newest first, a heading for each day, the raw JSON one click away.
import { Box, Button, Collapse, Group, Select, Stack, Text, ThemeIcon, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconActivity, IconBraces, IconEye, IconMail, IconReceipt, IconShoppingCart } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type TimelineEvent, timelineQuery } from "../api";
import { clock, weekday } from "../format";
import { Panel } from "./Page";
import { Empty, Failure, Waiting } from "./States";
import { useWorkspace } from "./workspace";

const route = getRouteApi("/people/$personId");

function look(name: string) {
  if (/^Order/.test(name)) return { icon: IconReceipt, color: "teal" };
  if (/Added|Cart|Checkout/.test(name)) return { icon: IconShoppingCart, color: "orange" };
  if (/^Email|Unsubscribed|Consent/.test(name)) return { icon: IconMail, color: "iris" };
  if (/Viewed/.test(name)) return { icon: IconEye, color: "gray" };
  return { icon: IconActivity, color: "gray" };
}

export function Timeline({ personId }: { personId: string }) {
  const { event } = route.useSearch();
  const navigate = route.useNavigate();
  const { timezone } = useWorkspace();
  const all = useInfiniteQuery(timelineQuery(personId, undefined));
  const query = useInfiniteQuery(timelineQuery(personId, event));
  const names = new Set(all.data?.pages.flatMap((page) => page.events.map((one) => one.name)));
  if (event) names.add(event);
  const events = query.data?.pages.flatMap((page) => page.events) ?? [];
  const filter = (
    <Select
      aria-label="Kind of event" placeholder="All events" size="xs" w={190} clearable data={[...names].sort()} value={event ?? null}
      onChange={(name) => void navigate({ search: { event: name ?? undefined }, replace: true })}
    />
  );
  return (
    <Panel title="Timeline" actions={filter}>
      {query.isPending && <Waiting rows={6} />}
      {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
      {query.data && events.length === 0 && <Empty title="No such events">Choose another kind of event, or wait for the first one.</Empty>}
      <Stack gap={0} component="ol" m={0} p={0} style={{ listStyle: "none" }} aria-label="Events">
        {events.map((one, at) => (
          <Entry key={one.event_id} event={one} timezone={timezone} heading={heading(one, events[at - 1], timezone)} />
        ))}
      </Stack>
      {query.hasNextPage && (
        <Button variant="default" fullWidth mt="md" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Older events
        </Button>
      )}
    </Panel>
  );
}

function heading(event: TimelineEvent, before: TimelineEvent | undefined, timezone: string): string | null {
  const on = weekday(event.at, timezone);
  return before && weekday(before.at, timezone) === on ? null : on;
}

function Entry({ event, timezone, heading }: { event: TimelineEvent; timezone: string; heading: string | null }) {
  const [opened, { toggle }] = useDisclosure();
  const { icon: Icon, color } = look(event.name);
  return (
    <Box component="li">
      {heading && <Text size="xs" fw={600} c="dimmed" mt="md" mb={6}>{heading}</Text>}
      <Group gap="sm" wrap="nowrap" align="flex-start" py={6}>
        <ThemeIcon variant="light" color={color} size={30} radius="xl"><Icon size={16} /></ThemeIcon>
        <Box miw={0} flex={1}>
          <Text size="sm" fw={550} lh={1.4}>{event.name}</Text>
          {event.summary && <Text size="sm" c="dimmed" lh={1.4} className="break">{event.summary}</Text>}
          <Collapse expanded={opened}><pre className="source" style={{ marginTop: 8 }}>{JSON.stringify(event, null, 2)}</pre></Collapse>
        </Box>
        <Text component="time" dateTime={event.at} size="xs" c="dimmed" mt={2}>{clock(event.at, timezone)}</Text>
        <UnstyledButton onClick={toggle} aria-expanded={opened} aria-label={`Raw event ${event.name}`} c="dimmed"><IconBraces size={16} /></UnstyledButton>
      </Group>
    </Box>
  );
}
