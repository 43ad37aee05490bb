import type { Overview } from "../api";
import { cash, count, localDay, money } from "../format";
import { base, categories, values } from "./base";
import { Chart } from "./Chart";

/** Two panels above each other with one time axis: never two scales in one panel. */
export function WeeksChart({ weeks, currency }: { weeks: Overview["weeks"]; currency: string }) {
  const numbers = {
    columns: ["Week of", "Revenue", "Orders", "Active people"],
    rows: weeks.map((week) => [week.week_on, week.revenue, week.orders, week.active_people]),
  };
  const labels = weeks.map((week) => localDay(week.week_on));
  return (
    <Chart
      title="Orders and revenue per week"
      note="Refunds are taken off. The last week may not be over."
      numbers={numbers}
      height={320}
      option={(colors) => ({
        ...base(colors),
        grid: [{ left: 60, right: 8, top: 28, height: 132 }, { left: 60, right: 8, top: 212, height: 74 }],
        axisPointer: { link: [{ xAxisIndex: "all" }] },
        xAxis: [
          { ...categories(colors, labels), gridIndex: 0, axisLabel: { show: false } },
          { ...categories(colors, labels), gridIndex: 1 },
        ],
        yAxis: [
          { ...values(colors, (value) => cash(value, currency)), gridIndex: 0, name: "Revenue", nameTextStyle: { align: "right" } },
          { ...values(colors, count), gridIndex: 1, splitNumber: 2, name: "Orders", nameTextStyle: { align: "right" } },
        ],
        series: [
          {
            name: "Revenue", type: "bar", data: weeks.map((week) => week.revenue), barCategoryGap: "28%",
            itemStyle: { borderRadius: [3, 3, 0, 0] }, tooltip: { valueFormatter: (value) => money(Number(value), currency) },
          },
          {
            name: "Orders", type: "line", xAxisIndex: 1, yAxisIndex: 1, data: weeks.map((week) => week.orders),
            showSymbol: false, lineStyle: { width: 2 }, tooltip: { valueFormatter: (value) => count(Number(value)) },
          },
        ],
      })}
    />
  );
}
