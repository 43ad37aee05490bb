import { Box, Button, Group, SimpleGrid } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { Segment } from "../api";
import { count } from "../format";
import { SegmentCount } from "./Counts";
import { TextLink } from "./Links";
import { Panel } from "./Page";
import { ShareBar } from "./Shown";

const MOST = 15;

/** The segments that one definition makes, one for each value, the largest first. */
export function SegmentFamily({ family, segments }: { family: string; segments: Segment[] }) {
  const [all, { toggle }] = useDisclosure();
  if (segments.length === 0) return null;
  const largest = Math.max(1, ...segments.map((segment) => segment.count ?? 0));
  const sorted = segments.toSorted((one, other) => (other.count ?? 0) - (one.count ?? 0));
  const more = sorted.length > MOST && (
    <Button variant="subtle" size="compact-sm" onClick={toggle} aria-expanded={all} aria-label={`By ${family}: ${all ? "the largest" : "all"}`} style={{ flex: "none" }}>
      {all ? `The ${MOST} largest` : `All ${sorted.length}`}
    </Button>
  );
  return (
    <Panel title={`By ${family}`} note={segments[0]?.describe} actions={more}>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="xl" verticalSpacing="sm" mt="xs">
        {sorted.slice(0, all ? undefined : MOST).map((segment) => (
          <Box key={segment.name} fz="sm">
            <Group justify="space-between" wrap="nowrap" mb={4}>
              <TextLink to="/segments/$name" params={{ name: segment.name }} className="break">{segment.name.slice(family.length + 1)}</TextLink>
              <SegmentCount name={segment.name} shown={segment.count} />
            </Group>
            <ShareBar share={(segment.count ?? 0) / largest} label={`${segment.name}: ${count(segment.count)}`} />
          </Box>
        ))}
      </SimpleGrid>
    </Panel>
  );
}
