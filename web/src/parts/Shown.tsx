// Small things that appear on many pages: instants, states, people, counts that open what they count.
import { ActionIcon, Avatar, Badge, Box, CopyButton, Group, Text, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { instant, since, words } from "../format";
import { PlainLink, TextLink } from "./Links";
import { useWorkspace } from "./workspace";

export function When({ at, none = "never" }: { at: string | null | undefined; none?: string }) {
  const { timezone } = useWorkspace();
  if (!at) return <>{none}</>;
  return (
    <Tooltip label={`${instant(at, timezone)} (${timezone})`} withArrow>
      <time dateTime={at}>{since(at)}</time>
    </Tooltip>
  );
}

const STATE_COLORS: Record<string, string> = {
  accepted: "teal", delivered: "teal", finished: "teal", given: "teal", champion: "teal",
  sending: "blue", scheduled: "blue", waiting: "blue", unapproved: "yellow", held: "orange", canceled: "gray", handed: "blue", planned: "gray", paused: "yellow", pending: "yellow",
  deferred: "yellow", ambiguous: "orange", skipped: "gray", holdout: "gray",
  bounced: "red", failed: "red", withdrawn: "red", complained: "red",
};

export function State({ name }: { name: string }) {
  return <Badge variant="light" color={STATE_COLORS[name] ?? "gray"} tt="none" fw={600}>{words(name)}</Badge>;
}

export function PersonLink({ id, name, email }: { id: string; name: string | null; email: string | null }) {
  const shown = name ?? email ?? id;
  return (
    <Group gap="sm" wrap="nowrap">
      <Avatar size={30} radius="xl" name={shown} color="initials" aria-hidden />
      <Box miw={0}>
        <TextLink to="/people/$personId" params={{ personId: id }} fw={550} display="block" maw={260} truncate>{shown}</TextLink>
        {name && email && <Text size="xs" c="dimmed" maw={260} truncate>{email}</Text>}
      </Box>
    </Group>
  );
}

export function SegmentBadge({ name }: { name: string }) {
  return (
    <PlainLink to="/segments/$name" params={{ name }}>
      <Badge variant="light" color="iris" tt="none" fw={550} style={{ cursor: "pointer" }}>{name}</Badge>
    </PlainLink>
  );
}

export function Copyable({ text, label }: { text: string; label: string }) {
  return (
    <Group gap={4} wrap="nowrap" component="span" display="inline-flex">
      <Text span size="sm" className="break figures">{text}</Text>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <ActionIcon size="sm" variant="subtle" color="gray" onClick={copy} aria-label={copied ? "Copied" : label}>
            {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          </ActionIcon>
        )}
      </CopyButton>
    </Group>
  );
}

export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <Box component="dl" m={0} display="grid" style={{ gridTemplateColumns: "max-content 1fr", columnGap: 16, rowGap: 6 }}>
      {facts.map(([name, shown]) => (
        <Box key={name} display="contents">
          <Text component="dt" size="sm" c="dimmed">{name}</Text>
          <Text component="dd" size="sm" m={0} className="break figures">{shown}</Text>
        </Box>
      ))}
    </Box>
  );
}

/** A share of the whole as a bar; the figure itself stands beside it. */
export function ShareBar({ share, label }: { share: number; label: string }) {
  return (
    <Box role="img" aria-label={label} h={6} miw={80} style={{ borderRadius: 3, background: "var(--line)" }}>
      <Box h={6} w={`${Math.min(100, share * 100)}%`} style={{ borderRadius: 3, background: "var(--mantine-color-iris-5)" }} />
    </Box>
  );
}
