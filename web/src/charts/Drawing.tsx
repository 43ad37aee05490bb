import type { ECharts, EChartsCoreOption } from "echarts/core";
import { useEffect, useRef } from "react";
import { init } from "./engine";

export default function Drawing({ title, option, height }: { title: string; option: EChartsCoreOption; height: number }) {
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(null);

  useEffect(() => {
    if (!frame.current) return;
    const drawn = init(frame.current, undefined, { renderer: "svg" });
    chart.current = drawn;
    const watcher = new ResizeObserver(() => drawn.resize());
    watcher.observe(frame.current);
    return () => {
      watcher.disconnect();
      drawn.dispose();
    };
  }, []);
  useEffect(() => chart.current?.setOption(option, { notMerge: true }), [option]);

  return <div ref={frame} role="img" aria-label={title} style={{ height, width: "100%" }} />;
}
