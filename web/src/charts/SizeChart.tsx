import type { SegmentDetail } from "../api";
import { count, instant } from "../format";
import { useWorkspace } from "../parts/workspace";
import { base, values } from "./base";
import { Chart } from "./Chart";

export function SizeChart({ name, history }: { name: string; history: SegmentDetail["history"] }) {
  const { timezone } = useWorkspace();
  return (
    <Chart
      title="Members over time"
      note={history.length < 2 ? "The line grows with every recomputation." : undefined}
      numbers={{ columns: ["Computed", "Members"], rows: history.map((size) => [instant(size.computed_at, timezone), size.members]) }}
      height={200}
      option={(colors) => ({
        ...base(colors),
        grid: { left: 52, right: 12, top: 12, bottom: 26 },
        xAxis: { type: "time", axisLine: { lineStyle: { color: colors.line } }, axisLabel: { color: colors.text, hideOverlap: true, formatter: { day: "{d} {MMM}", hour: "{HH}:{mm}" } }, splitLine: { show: false } },
        yAxis: { ...values(colors, count), min: 0 },
        series: [
          {
            name, type: "line", step: "end", data: history.map((size) => [size.computed_at, size.members]),
            showSymbol: history.length < 3, symbolSize: 7, lineStyle: { width: 2 }, areaStyle: { opacity: 0.12 },
          },
        ],
      })}
    />
  );
}
