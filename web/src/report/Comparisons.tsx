// A/B results as a forest: the difference, its interval and what that means in words.
import { Badge, Box, Group, Stack, Text } from "@mantine/core";
import type { Report } from "../api";
import { count, money, people, points, share, signed, words } from "../format";
import { Panel } from "../parts/Page";
import { type Estimate, IntervalBar, reach } from "./Interval";

export type Comparison = Report["comparisons"][number];

/** Green and red only when the interval decides; until then grey. */
export function tone(comparison: Comparison): "better" | "worse" | "open" {
  if (comparison.verdict !== "better") return "open";
  return comparison.better === comparison.a ? "better" : "worse";
}

export function shownDifference(comparison: Comparison, currency: string) {
  return (value: number) => signed(value, comparison.kind === "rate" ? points : (mean) => money(mean, currency));
}

function estimate(comparison: Comparison): Estimate | null {
  const { difference, interval } = comparison;
  return difference === null || interval === null ? null : { middle: difference, low: interval.low, high: interval.high };
}

export function Comparisons({ report }: { report: Report }) {
  const metrics = [...new Set(report.comparisons.map((one) => one.metric))];
  return (
    <Panel title={report.winner ? `${report.winner} is better` : "Variants: no winner yet"} note={report.winner ? report.verdict : undefined}>
      <Stack gap="lg" mt="sm">
        {metrics.map((metric) => {
          const rows = report.comparisons.filter((one) => one.metric === metric);
          const scale = reach(rows.map(estimate).filter((one) => one !== null));
          return (
            <Stack key={metric} gap="xs">
              <Text size="sm" fw={600} className="sentence">{words(metric)}</Text>
              {rows.map((row) => <Compared key={row.a + row.b} comparison={row} scale={scale} currency={report.currency} />)}
            </Stack>
          );
        })}
      </Stack>
    </Panel>
  );
}

export function Compared({ comparison, scale, currency }: { comparison: Comparison; scale?: number; currency: string }) {
  const show = shownDifference(comparison, currency);
  const one = estimate(comparison);
  const sure = comparison.interval && `${share(comparison.interval.level)} interval`;
  return (
    <Box>
      <Group justify="space-between" gap="sm">
        <Text size="sm" c="dimmed">{comparison.a} ({people(comparison.a_people)}) against {comparison.b} ({count(comparison.b_people)})</Text>
        {one && <Badge variant="light" tt="none" color={{ better: "teal", worse: "red", open: "gray" }[tone(comparison)]}>{show(one.middle)}</Badge>}
      </Group>
      {one && (
        <>
          <IntervalBar estimate={one} from={-(scale ?? reach([one]))} to={scale ?? reach([one])} mark={0} tone={tone(comparison)} label={`${comparison.metric}: ${show(one.middle)}, ${sure} from ${show(one.low)} to ${show(one.high)}`} />
          <Text size="xs" c="dimmed" className="figures">{sure} from {show(one.low)} to {show(one.high)}</Text>
        </>
      )}
      <Text size="sm" mt={4} className="sentence">{comparison.words}</Text>
    </Box>
  );
}
