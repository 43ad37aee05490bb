// Why several profiles are one person, each of which can be taken out again.
import { Alert, Box, Stack, Text } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { askAgain, type Person, separatePerson, separationPreviewQuery } from "../api";
import { TextLink } from "./Links";
import { Panel } from "./Page";
import { Separation } from "./Separation";
import { When } from "./Shown";

export function Merges({ merges }: { merges: Person["merges"] }) {
  const client = useQueryClient();
  const separating = useMutation({ mutationFn: separatePerson, onSuccess: () => askAgain(client) });
  if (merges.length === 0 && !separating.data) return null;
  return (
    <Panel title="Merged profiles">
      <Box role="status" mb={separating.data && "md"}>
        {separating.data && (
          <Alert color="teal" icon={<IconCheck />} p="sm">
            <TextLink to="/people/$personId" params={{ personId: separating.variables }} underline="always" className="break">{separating.variables}</TextLink> is
            a person of their own again.
          </Alert>
        )}
      </Box>
      <Stack gap="md">
        {merges.map((one) => (
          <Stack gap={6} key={`${one.gone} ${one.kept}`}>
            <Text size="sm" className="break"><code>{one.gone}</code> became part of <code>{one.kept}</code></Text>
            <Text size="xs" c="dimmed">{one.decided ? "somebody decided so" : "by a rule, such as an address in common"}, <When at={one.at} /></Text>
            <Separation
              label="Separate" named={`Separate ${one.gone}`} question={`Who would have what without ${one.gone}`} preview={separationPreviewQuery(one.gone)}
              confirm="Separate them" pending={separating.isPending} error={separating.variables === one.gone ? separating.error : null} separate={() => separating.mutate(one.gone)}
            />
          </Stack>
        ))}
      </Stack>
    </Panel>
  );
}
