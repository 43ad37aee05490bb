// Error bars: the one shape that ECharts has no series for. Data are [category, low, high].
import type { CustomSeriesOption } from "echarts";
import type { Palette } from "./palette";

export function whisker(colors: Palette, bars: number, bar: number, data: [number, number, number][]): CustomSeriesOption {
  return {
    type: "custom",
    silent: true,
    z: 5,
    tooltip: { show: false },
    data,
    encode: { x: 0, y: [1, 2] },
    renderItem: (_, api) => {
      // On a value axis there are no bars to stand on.
      const places = bars > 0 ? api.barLayout?.({ count: bars, barCategoryGap: "34%", barGap: "18%" }) : undefined;
      const offset = places?.[bar]?.offsetCenter ?? 0;
      const [low, high] = [1, 2].map((end) => api.coord([api.value(0), api.value(end)]));
      const [x = 0, bottom = 0] = low ?? [];
      const top = high?.[1] ?? 0;
      const middle = x + offset;
      const style = { stroke: colors.strong, lineWidth: 1.4, fill: "none" };
      const line = (x1: number, y1: number, x2: number, y2: number) => ({ type: "line" as const, shape: { x1, y1, x2, y2 }, style });
      return {
        type: "group",
        children: [line(middle, top, middle, bottom), line(middle - 4, top, middle + 4, top), line(middle - 4, bottom, middle + 4, bottom)],
      };
    },
  };
}
