import type { Growth } from "../api";
import { count, instant, localDay, people } from "../format";
import { Panel } from "../parts/Page";
import { Empty } from "../parts/States";
import { base, categories, values } from "./base";
import { Chart } from "./Chart";

/** Members on top, who entered and left below, one axis of days: never two scales in one panel. */
export function GrowthCharts({ growth }: { growth: Growth }) {
  if (growth.recorded_since === null) {
    return <Panel title="Members over time"><Empty title="Not computed yet" command="vocative apply">The record begins when the segment is first computed.</Empty></Panel>;
  }
  const days = growth.days;
  const labels = days.map((day) => localDay(day.on));
  return (
    <Chart
      title="Members over time"
      note={noted(growth, growth.recorded_since)}
      numbers={{ columns: ["Day", "Members", "Entered", "Left", "Recounted"], rows: days.map((day) => [day.on, day.members, day.entered, day.left, day.recounted]) }}
      height={300}
      option={(colors) => ({
        ...base(colors),
        grid: [{ left: 60, right: 12, top: 28, height: 126 }, { left: 60, right: 12, top: 204, height: 62 }],
        axisPointer: { link: [{ xAxisIndex: "all" }] },
        xAxis: [
          { ...categories(colors, labels), gridIndex: 0, axisLabel: { show: false } },
          { ...categories(colors, labels), gridIndex: 1 },
        ],
        yAxis: [
          { ...values(colors, count), gridIndex: 0, min: 0, minInterval: 1, name: "Members", nameTextStyle: { align: "right", color: colors.text } },
          { ...values(colors, (value) => count(Math.abs(value))), gridIndex: 1, splitNumber: 2, minInterval: 1, name: "Entered and left", nameTextStyle: { align: "left", color: colors.text } },
        ],
        series: [
          {
            name: "Members", type: "line", data: days.map((day) => day.members), color: colors.series[0],
            showSymbol: days.length < 3, symbolSize: 7, lineStyle: { width: 2 }, areaStyle: { opacity: 0.12 },
            tooltip: { valueFormatter: (value) => count(Number(value)) },
          },
          {
            name: "Entered", type: "bar", stack: "moves", xAxisIndex: 1, yAxisIndex: 1, data: days.map((day) => day.entered), color: colors.series[1],
            barMaxWidth: 18, itemStyle: { borderRadius: [2, 2, 0, 0] }, tooltip: { valueFormatter: (value) => count(Number(value)) },
          },
          {
            name: "Left", type: "bar", stack: "moves", xAxisIndex: 1, yAxisIndex: 1, data: days.map((day) => -day.left), color: colors.series[2],
            barMaxWidth: 18, itemStyle: { borderRadius: [0, 0, 2, 2] }, tooltip: { valueFormatter: (value) => count(Math.abs(Number(value))) },
          },
        ],
      })}
    />
  );
}

/** What the record cannot tell stands beside it. */
function noted({ started_with, redefined_at, timezone }: Growth, since: string): string {
  const began = `Recorded since ${instant(since, timezone)}, when ${people(started_with)} ${started_with === 1 ? "was" : "were"} in; nothing is known from before.`;
  if (redefined_at.length === 0) return began;
  return `${began} Another definition applies since ${redefined_at.map((at) => instant(at, timezone)).join(" and ")}: whom it found in or out is in the line, not in the bars.`;
}
