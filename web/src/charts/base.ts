// What all charts share: quiet axes, one kind of tooltip, a description for screen readers.
import type { EChartsOption } from "echarts";
import type { Palette } from "./palette";

export const FONT = "'Inter Variable', system-ui, sans-serif";

export function base(colors: Palette): EChartsOption {
  return {
    animation: false,
    color: colors.series,
    textStyle: { fontFamily: FONT, color: colors.text },
    aria: { enabled: true, decal: { show: false } },
    tooltip: {
      trigger: "axis",
      confine: true,
      backgroundColor: colors.panel,
      borderColor: colors.line,
      textStyle: { color: colors.strong, fontFamily: FONT, fontSize: 13 },
      axisPointer: { lineStyle: { color: colors.text } },
    },
  };
}

export const categories = (colors: Palette, data: string[]) => ({
  type: "category" as const,
  data,
  axisTick: { show: false },
  axisLine: { lineStyle: { color: colors.line } },
  axisLabel: { color: colors.text, fontSize: 12, hideOverlap: true },
});

export const values = (colors: Palette, show: (value: number) => string) => ({
  type: "value" as const,
  splitNumber: 3,
  splitLine: { lineStyle: { color: colors.line } },
  axisLabel: { color: colors.text, fontSize: 12, formatter: show },
});
