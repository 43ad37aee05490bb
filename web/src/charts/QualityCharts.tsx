// How good a model's probabilities are: by tenths of people, and predicted against what happened.
import type { ModelCard } from "../api";
import { count, number, rate, share } from "../format";
import { base, categories, values } from "./base";
import { Chart } from "./Chart";
import { whisker } from "./whisker";

type Quality = NonNullable<ModelCard["quality"]>;
const GRID = { left: 46, right: 12, top: 16, bottom: 42 };
const named = (name: string) => ({ name, nameLocation: "middle" as const, nameGap: 28 });

export function LiftChart({ lift }: { lift: Quality["lift"] }) {
  return (
    <Chart
      title="Lift by tenth"
      note="How many times the average rate, best tenth first. Random would be 1 throughout."
      numbers={{ columns: ["Tenth", "People", "Rate", "Lift"], rows: lift.map((row) => [row.decile, row.people, rate(row.rate), number(row.lift)]) }}
      option={(colors) => ({
        ...base(colors),
        grid: GRID,
        xAxis: { ...categories(colors, lift.map((row) => String(row.decile))), ...named("Tenth of people") },
        yAxis: values(colors, number),
        series: [
          {
            name: "Lift", type: "bar", data: lift.map((row) => row.lift), barCategoryGap: "26%", itemStyle: { borderRadius: [3, 3, 0, 0] },
            tooltip: { valueFormatter: (value) => `${number(Number(value))} times` },
            markLine: { silent: true, symbol: "none", data: [{ yAxis: 1 }], lineStyle: { color: colors.text, type: "dashed" }, label: { show: false } },
          },
        ],
      })}
    />
  );
}

export function GainChart({ lift }: { lift: Quality["lift"] }) {
  return (
    <Chart
      title="Found so far"
      note="Share of all who did it among the best tenths. The dashed line is chance."
      numbers={{ columns: ["Best tenths", "Share found"], rows: lift.map((row) => [row.decile, rate(row.gain)]) }}
      option={(colors) => ({
        ...base(colors),
        grid: GRID,
        xAxis: { ...categories(colors, ["0", ...lift.map((row) => String(row.decile))]), ...named("Best tenths of people"), boundaryGap: false },
        yAxis: { ...values(colors, share), max: 1, interval: 0.25 },
        series: [
          {
            name: "Found", type: "line", data: [0, ...lift.map((row) => row.gain)], showSymbol: false, lineStyle: { width: 2.4 },
            areaStyle: { opacity: 0.1 }, tooltip: { valueFormatter: (value) => rate(Number(value)) },
          },
          {
            name: "By chance", type: "line", data: Array.from({ length: lift.length + 1 }, (_, at) => at / lift.length), showSymbol: false, color: colors.text,
            lineStyle: { type: "dashed", width: 1.2 }, tooltip: { valueFormatter: (value) => rate(Number(value)) },
          },
        ],
      })}
    />
  );
}

export function CalibrationChart({ rows }: { rows: Quality["calibration"] }) {
  const most = Math.max(0.05, ...rows.flatMap((row) => [row.predicted, row.high]));
  const interval = most > 0.5 ? 0.25 : 0.1;
  const end = Math.min(1, Math.ceil(most / interval) * interval);
  return (
    <Chart
      title="Calibration"
      note="Predicted against what happened, with 95% intervals. On the line, 20% means one in five."
      numbers={{
        columns: ["Predicted", "Happened", "Low", "High", "People"],
        rows: rows.map((row) => [rate(row.predicted), rate(row.observed), rate(row.low), rate(row.high), row.people]),
      }}
      option={(colors) => {
        const axis = { ...values(colors, share), min: 0, max: end, interval };
        return {
          ...base(colors),
          tooltip: { ...base(colors).tooltip, trigger: "item", formatter: (point) => said(rows[(point as { dataIndex: number }).dataIndex]) },
          grid: GRID,
          xAxis: { ...axis, ...named("Predicted"), splitLine: { show: false } },
          yAxis: axis,
          series: [
            { type: "line", data: [[0, 0], [end, end]], silent: true, showSymbol: false, color: colors.text, lineStyle: { type: "dashed", width: 1.2 } },
            { name: "Happened", type: "scatter", data: rows.map((row) => [row.predicted, row.observed]), symbolSize: 8, color: colors.series[0] },
            whisker(colors, 0, 0, rows.map((row) => [row.predicted, row.low, row.high])),
          ],
        };
      }}
    />
  );
}

function said(row: Quality["calibration"][number] | undefined): string {
  return row ? `Predicted ${rate(row.predicted)}, happened ${rate(row.observed)} (${rate(row.low)} to ${rate(row.high)}), ${count(row.people)} people` : "";
}
