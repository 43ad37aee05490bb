import type { Report } from "../api";
import { count, rate, share } from "../format";
import { base, categories, values } from "./base";
import { Chart } from "./Chart";
import { whisker } from "./whisker";

const STEPS = ["opened", "clicked", "converted", "unsubscribed"] as const;
const NAMES = ["Opened", "Clicked", "Converted", "Unsubscribed"];

const HOLDOUT = "holdout";
type Arm = Report["arms"][number];
type Step = (typeof STEPS)[number];

/** The count, where the bar is high enough to hold it. */
const inBar = (step: { rate: number | null; count: number }) => ((step.rate ?? 0) < 0.08 ? "" : count(step.count));

/** Each arm's rates side by side; the whiskers are the server's 95 % intervals. */
export function RatesChart({ arms: all }: { arms: Report["arms"] }) {
  const arms = [...all.filter((arm) => arm.name !== HOLDOUT), ...all.filter((arm) => arm.name === HOLDOUT)];
  const counts = (arm: Arm, step: Step) => arm.name !== HOLDOUT || step === "converted";
  return (
    <Chart
      title="From message to goal"
      note="Share of all people assigned to the variant, opens and clicks by people only; whiskers are 95% intervals. The holdout got no mail, so it can only convert."
      numbers={{
        columns: ["Variant", "Step", "People", "Of", "Rate", "Low", "High"],
        rows: arms.flatMap((arm) =>
          STEPS.filter((step) => counts(arm, step)).map((step) => {
            const found = arm[step];
            return [arm.name, NAMES[STEPS.indexOf(step)] ?? step, found.count, found.people, rate(found.rate), rate(found.low), rate(found.high)];
          }),
        ),
      }}
      height={280}
      option={(colors) => ({
        ...base(colors),
        legend: { top: 0, left: 0, textStyle: { color: colors.text }, icon: "roundRect", itemWidth: 12, itemHeight: 12, data: arms.map((arm) => arm.name) },
        grid: { left: 48, right: 8, top: 36, bottom: 26 },
        xAxis: categories(colors, NAMES),
        yAxis: values(colors, share),
        series: [
          ...arms.map((arm) => ({
            type: "bar" as const,
            name: arm.name,
            barCategoryGap: "34%",
            barGap: "18%",
            itemStyle: { borderRadius: [3, 3, 0, 0] as number[] },
            color: arm.name === HOLDOUT ? colors.open : undefined,
            data: STEPS.map((step) => (counts(arm, step) ? (arm[step].rate ?? 0) : "-")),
            tooltip: { valueFormatter: (value: unknown) => (value === "-" ? "–" : rate(Number(value))) },
            label: { show: arms.length < 4, position: "insideBottom" as const, color: colors.panel, fontSize: 11, formatter: ({ dataIndex }: { dataIndex: number }) => inBar(arm[STEPS[dataIndex] ?? "opened"]) },
          })),
          ...arms.map((arm, bar) =>
            whisker(colors, arms.length, bar, STEPS.flatMap((step, at): [number, number, number][] => (counts(arm, step) ? [[at, arm[step].low, arm[step].high]] : []))),
          ),
        ],
      })}
    />
  );
}
