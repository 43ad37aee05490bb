// What a page shows while it waits, when it fails and when there is nothing: always with a next step.
import { Alert, Button, Code, Group, Skeleton, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { IconAlertTriangle, IconInbox } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiError, type Place } from "../api";
import { ButtonLink } from "./Links";

export function Caret({ where }: { where: Place }) {
  if (!where.source_line) return null;
  const pointer = where.column ? `\n${" ".repeat(where.column - 1)}^` : "";
  return <pre className="source" style={{ whiteSpace: "pre" }}>{where.source_line + pointer}</pre>;
}

export function Failure({ error, retry }: { error: Error; retry?: () => void }) {
  const { where, hint } = error instanceof ApiError ? error : { where: null, hint: null };
  return (
    <Alert color="red" icon={<IconAlertTriangle />} title={<span className="sentence" style={{ display: "block" }}>{error.message}</span>} role="alert">
      <Stack gap="xs" align="stretch">
        {where && <Caret where={where} />}
        {hint && <Text size="sm" className="sentence">{hint}</Text>}
        {retry && <Group><Button size="xs" variant="default" onClick={retry}>Try again</Button></Group>}
      </Stack>
    </Alert>
  );
}

export function Waiting({ rows = 4 }: { rows?: number }) {
  return (
    <Stack gap="sm" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => <Skeleton key={row} height={row === 0 ? 48 : 28} radius="md" />)}
    </Stack>
  );
}

/** Shows the answer of a query, or what stands in its way. */
export function Loaded<T>({ query, rows, children }: {
  query: UseQueryResult<T>;
  rows?: number;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />;
  return <Waiting rows={rows} />;
}

export function Empty({ title, children, command }: { title: string; children?: ReactNode; command?: string }) {
  return (
    <Stack align="center" gap="xs" py="xl" px="md" ta="center">
      <ThemeIcon variant="light" size={44} radius="xl" color="gray"><IconInbox size={22} /></ThemeIcon>
      <Text fw={600}>{title}</Text>
      {children && <Text c="dimmed" size="sm" maw={460}>{children}</Text>}
      {command && <Code fz="sm" px="sm" py={6}>{command}</Code>}
    </Stack>
  );
}

export function Missing() {
  return (
    <Stack align="center" py={80} gap="sm" ta="center">
      <Title order={1}>There is no such page</Title>
      <Text c="dimmed">The address may be old. Everything starts from Home.</Text>
      <ButtonLink to="/">Go to Home</ButtonLink>
    </Stack>
  );
}

export function Crash({ error }: { error: unknown }) {
  return <Failure error={error instanceof Error ? error : new Error(String(error))} retry={() => location.reload()} />;
}
