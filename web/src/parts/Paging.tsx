import { Group, Text } from "@mantine/core";
import { IconArrowRight, IconPlayerSkipBack } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { Button } from "@mantine/core";
import { count } from "../format";

/** Onwards by cursor; the browser's own Back goes back. */
export function Paging({ shown, total, noun, after, next }: {
  shown: number;
  total: number;
  noun: string;
  after: string | undefined;
  next: string | null;
}) {
  const navigate = useNavigate();
  const go = (cursor: string | undefined) =>
    void navigate({ to: ".", search: (search: Record<string, unknown>) => ({ ...search, after: cursor }) as never });
  return (
    <Group justify="space-between" px="md" py="sm" style={{ borderTop: "1px solid var(--line)" }}>
      <Text size="sm" c="dimmed" className="figures" aria-live="polite">
        {count(shown)} of {count(total)} {noun}
      </Text>
      <Group gap="xs">
        {after && (
          <Button variant="default" size="xs" leftSection={<IconPlayerSkipBack size={14} />} onClick={() => go(undefined)}>
            First page
          </Button>
        )}
        {next && (
          <Button variant="default" size="xs" rightSection={<IconArrowRight size={14} />} onClick={() => go(next)}>
            Next page
          </Button>
        )}
      </Group>
    </Group>
  );
}
