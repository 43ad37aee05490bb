import { Group, Text } from "@mantine/core";

export function Brand() {
  return (
    <Group gap={10} wrap="nowrap">
      <img src="/favicon.svg" width={24} height={24} alt="" />
      <Text fw={700} fz={17} lh={1} style={{ letterSpacing: "-0.02em" }}>Vocative</Text>
    </Group>
  );
}
