// Type a condition, see at once who fits, or where it is wrong. The address keeps what was typed.
import { Badge, Box, Button, Collapse, Group, Loader, Stack, Text, Textarea, Tooltip } from "@mantine/core";
import { useDebouncedValue, useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { featuresQuery, previewQuery } from "../api";
import { count, rate } from "../format";
import { Panel } from "./Page";
import { PeopleTable } from "./PeopleTable";
import { Failure } from "./States";

const route = getRouteApi("/segments");

export function TryExpression() {
  const { where = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const [typed, setTyped] = useState(where);
  const [settled] = useDebouncedValue(typed, 350);
  const query = useQuery(previewQuery(settled));
  useEffect(() => {
    if (settled !== where) void navigate({ search: (old) => ({ ...old, where: settled }), replace: true });
    // Only what is typed moves the address, never the other way round.
  }, [settled]);

  const asked = settled.trim() !== "";
  return (
    <Panel title="Try an expression" note="Nothing is saved: put what works into segments/*.yaml">
      <Stack gap="sm" mt="xs">
        <Textarea
          aria-label="Expression" placeholder="spend_180d > 500 and last_order_at < now() - interval '60 days'" autosize minRows={1} maxRows={8}
          spellCheck={false} value={typed} onChange={(event) => setTyped(event.currentTarget.value)}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: "0.875rem" } }}
          rightSection={query.isFetching ? <Loader size={14} /> : null}
        />
        <Box aria-live="polite">
          {asked && query.error && <Failure error={query.error} />}
          {asked && query.data && !query.error && (
            <Stack gap="sm">
              <Text size="sm"><Text span fw={650} fz="lg" className="figures">{count(query.data.count)}</Text> {query.data.count === 1 ? "person" : "people"}, {rate(query.data.share)} of everyone</Text>
              {query.data.sample.length > 0 && <Box mx="calc(var(--mantine-spacing-md) * -1)"><PeopleTable label="Some who fit" people={query.data.sample} /></Box>}
            </Stack>
          )}
        </Box>
        <FieldList onPick={(name) => setTyped((text) => (text.trim() ? `${text.trimEnd()} and ${name} ` : `${name} `))} />
      </Stack>
    </Panel>
  );
}

function FieldList({ onPick }: { onPick: (name: string) => void }) {
  const [opened, { toggle }] = useDisclosure();
  const features = useQuery({ ...featuresQuery, enabled: opened });
  return (
    <div>
      <Button variant="subtle" size="compact-sm" ml={-8} onClick={toggle} aria-expanded={opened}>
        {opened ? "Hide the features" : "Features you can use"}
      </Button>
      <Collapse expanded={opened}>
        <Group gap={6} mt="xs">
          {features.data?.map((feature) => (
            <Tooltip key={feature.name} label={`${feature.describe || feature.definition} (${feature.type})`} multiline maw={320}>
              <Badge component="button" type="button" variant="default" tt="none" fw={500} style={{ cursor: "pointer" }} onClick={() => onPick(feature.name)}>
                {feature.name}
              </Badge>
            </Tooltip>
          ))}
        </Group>
      </Collapse>
    </div>
  );
}
