// Incremental effect first: everyone assigned to a message against everyone held out.
import { Group, SimpleGrid, Stack, Text } from "@mantine/core";
import type { Report } from "../api";
import { count, money } from "../format";
import { Panel } from "../parts/Page";
import { Compared } from "./Comparisons";

type Interval = { low: number; high: number; level: number } | null;

export function WhatItChanged({ report }: { report: Report }) {
  const { holdout, attribution, currency } = report;
  const cash = (value: number) => money(value, currency);
  return (
    <Panel title="What it changed" note={holdout ? "Everyone assigned to a message against everyone held out, whether or not it reached them" : "This campaign held nobody out, so what it changed is not known. Add holdout: 10% to the next one."}>
      <Stack gap="lg" mt="sm">
        <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="md">
          {holdout && <Effect name="Incremental conversions" value={holdout.incremental_conversions} interval={holdout.incremental_conversions_interval} show={count} />}
          {holdout && <Effect name="Incremental revenue" value={holdout.incremental_revenue} interval={holdout.incremental_revenue_interval} show={cash} />}
          {attribution && <Effect name="Revenue after a click" value={attribution.revenue} interval={null} show={cash} />}
          <Effect name="Revenue of everyone" value={report.revenue} interval={null} show={cash} />
        </SimpleGrid>
        {attribution && <Text size="sm" c="dimmed" className="sentence">{attribution.words}</Text>}
        {holdout && (
          <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
            {[holdout.conversion, holdout.revenue].filter((one) => one !== null).map((one) => (
              <Stack key={one.metric} gap="xs">
                <Text size="sm" fw={600} className="sentence">{one.metric}</Text>
                <Compared comparison={one} currency={currency} />
              </Stack>
            ))}
          </SimpleGrid>
        )}
      </Stack>
    </Panel>
  );
}

function Effect({ name, value, interval, show }: {
  name: string;
  value: number | null;
  interval: Interval;
  show: (value: number) => string;
}) {
  return (
    <div>
      <Text size="sm" c="dimmed">{name}</Text>
      <Text fz={24} fw={650} className="figures" style={{ letterSpacing: "-0.02em" }}>{value === null ? "–" : show(value)}</Text>
      {interval && <Group gap={4}><Text size="xs" c="dimmed" className="figures">{show(interval.low)} to {show(interval.high)}</Text></Group>}
    </div>
  );
}
