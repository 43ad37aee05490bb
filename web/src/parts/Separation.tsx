// Taking a merge back: who would have what is shown before anything is done.
import { Box, Button, Group, SimpleGrid, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { type UseQueryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Separated } from "../api";
import { count, words } from "../format";
import { TextLink } from "./Links";
import { Facts } from "./Shown";
import { Failure, Loaded } from "./States";

interface Asked {
  question: string;
  preview: UseQueryOptions<Separated, Error, Separated, string[]>;
  confirm: string;
  pending: boolean;
  error?: Error | null;
  separate: () => void;
}

export function Separation({ label, named, ...asked }: { label: string; named?: string } & Asked) {
  const [opened, { toggle, close }] = useDisclosure();
  return (
    <Stack gap="sm" align="flex-start">
      <Button size="xs" variant="default" aria-expanded={opened} aria-label={named} onClick={toggle}>{label}</Button>
      {opened && <Would {...asked} leave={close} />}
    </Stack>
  );
}

function Would({ question, preview, confirm, pending, error, separate, leave }: Asked & { leave: () => void }) {
  const query = useQuery(preview);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <Box ref={box} tabIndex={-1} role="group" aria-label={question} w="100%">
      <Loaded query={query} rows={4}>
        {({ people }) => (
          <Stack gap="md">
            <SimpleGrid type="container" cols={{ base: 1, "420px": 2 }} spacing="md">
              {people.map((one) => <Share key={one.person_id} share={one} />)}
            </SimpleGrid>
            {error && <Failure error={error} />}
            <Group gap="sm">
              <Button size="xs" loading={pending} onClick={separate}>{confirm}</Button>
              <Button size="xs" variant="default" disabled={pending} onClick={leave}>Leave it as it is</Button>
            </Group>
          </Stack>
        )}
      </Loaded>
    </Box>
  );
}

function Share({ share }: { share: Separated["people"][number] }) {
  const identities = Object.entries(share.identities).map(([kind, held]) => `${count(held)} ${words(kind)}`);
  const known = [...share.fields, ...share.traits].map(words);
  return (
    <Stack gap={6}>
      <Text size="sm" fw={550}><TextLink to="/people/$personId" params={{ personId: share.person_id }} className="break">{share.person_id}</TextLink></Text>
      <Facts
        facts={[
          ["Events", count(share.events)],
          ["Identities", identities.join(", ") || "none"],
          ["Consents", count(share.consents)],
          ["Known", known.join(", ") || "nothing"],
        ]}
      />
    </Stack>
  );
}
