// One estimate with its interval on a scale that its neighbours share; zero is the line in the middle.
import { Box } from "@mantine/core";
import styles from "./Interval.module.css";

export interface Estimate {
  low: number;
  high: number;
  middle: number;
}

/** The furthest that any of these reaches from zero. */
export const reach = (estimates: Estimate[]) => Math.max(...estimates.flatMap((one) => [Math.abs(one.low), Math.abs(one.high)]), 1e-9) * 1.08;

export function IntervalBar({ estimate, scale, tone, label }: {
  estimate: Estimate;
  scale: number;
  tone: "better" | "worse" | "open";
  label: string;
}) {
  const at = (value: number) => `${50 + (50 * value) / scale}%`;
  const clipped = (value: number) => Math.max(-scale, Math.min(scale, value));
  const [low, high] = [clipped(estimate.low), clipped(estimate.high)];
  return (
    <Box role="img" aria-label={label} className={styles.frame} data-tone={tone}>
      <span className={styles.zero} />
      <span className={styles.range} style={{ left: at(low), width: `${(50 * (high - low)) / scale}%` }} />
      <span className={styles.point} style={{ left: at(clipped(estimate.middle)) }} />
    </Box>
  );
}
