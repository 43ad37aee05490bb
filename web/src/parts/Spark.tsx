import { Box } from "@mantine/core";

/** The course of a number, without axes; the number itself stands beside it. */
export function Spark({ values }: { values: number[] }) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const height = (value: number) => 30 - (26 * (value - low)) / (high - low || 1);
  const points = values.map((value, at) => `${((96 * at) / Math.max(1, values.length - 1)).toFixed(1)},${height(value).toFixed(1)}`);
  return (
    <Box component="svg" visibleFrom="xs" viewBox="-2 0 100 34" w={96} h={34} aria-hidden style={{ flex: "0 1 96px", minWidth: 0 }}>
      <polygon points={`0,34 ${points.join(" ")} 96,34`} fill="var(--mantine-color-iris-5)" opacity={0.12} />
      <polyline points={points.join(" ")} fill="none" stroke="var(--mantine-color-iris-5)" strokeWidth={1.8} strokeLinejoin="round" />
    </Box>
  );
}
