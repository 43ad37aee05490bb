import { Stack, Text } from "@mantine/core";
import type { Person } from "../api";
import { value } from "../format";
import { DataTable } from "./DataTable";
import { Panel } from "./Page";
import { useWorkspace } from "./workspace";

export function FeatureTable({ features }: { features: Person["features"] }) {
  const { timezone } = useWorkspace();
  return (
    <Panel title="Features" note="Computed from events by the definitions in features/*.yaml" pad={false}>
      <DataTable
        label="Features"
        rows={features}
        id={(feature) => feature.name}
        columns={[
          {
            name: "Feature",
            wide: true,
            cell: (feature) => <Stack gap={0}><Text span inherit fw={550}>{feature.name}</Text>{feature.describe && <Text size="xs" c="dimmed">{feature.describe}</Text>}</Stack>,
          },
          { name: "Now", figures: true, cell: (feature) => value(feature.value, timezone) },
        ]}
      />
    </Panel>
  );
}
