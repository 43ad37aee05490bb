// The frame of every page: its name in the tab and as a heading, what it is about, what can be done.
import { Box, Group, Stack, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";

export function Page({ title, about, crumb, actions, children }: {
  title: string;
  about?: ReactNode;
  crumb?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  useDocumentTitle(`${title} · Vocative`);
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-end" gap="md">
        <Box miw={0} flex={1}>
          {crumb && <Text size="sm" c="dimmed" mb={4}>{crumb}</Text>}
          <Title order={1} className="break">{title}</Title>
          {about && <Text c="dimmed" size="sm" mt={4} component="div" maw={760}>{about}</Text>}
        </Box>
        {actions}
      </Group>
      {children}
    </Stack>
  );
}

export function Panel({ title, note, actions, children, pad = true }: {
  title?: string;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  pad?: boolean;
}) {
  return (
    <Box component="section" className="panel" aria-label={title}>
      {title && (
        <Group justify="space-between" align="flex-start" px="md" pt="md" pb={pad ? 4 : "sm"} gap="sm" wrap="nowrap">
          <Box miw={0}>
            <Title order={2}>{title}</Title>
            {note && <Text size="sm" c="dimmed" component="div" className="sentence">{note}</Text>}
          </Box>
          {actions}
        </Group>
      )}
      <Box p={pad ? "md" : 0} pt={pad && title ? "xs" : undefined}>{children}</Box>
    </Box>
  );
}
