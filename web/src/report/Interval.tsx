// One estimate with its interval on a scale that its neighbours share.
import { Box } from "@mantine/core";
import styles from "./Interval.module.css";

export interface Estimate {
  low: number;
  high: number;
  middle: number;
}

/** The furthest that any of these reaches from zero. */
export const reach = (estimates: Estimate[]) => Math.max(...estimates.flatMap((one) => [Math.abs(one.low), Math.abs(one.high)]), 1e-9) * 1.08;

export function IntervalBar({ estimate, from, to, mark, tone, label }: {
  estimate: Estimate;
  from: number;
  to: number;
  /** Where nothing happens: no difference, or mere chance. */
  mark: number;
  tone: "better" | "worse" | "open" | "own";
  label: string;
}) {
  const percent = (value: number) => (100 * (Math.max(from, Math.min(to, value)) - from)) / (to - from);
  const [low, high] = [percent(estimate.low), percent(estimate.high)];
  return (
    <Box role="img" aria-label={label} className={styles.frame} data-tone={tone}>
      <span className={styles.mark} style={{ left: `${percent(mark)}%` }} />
      <span className={styles.range} style={{ left: `${low}%`, width: `${high - low}%` }} />
      <span className={styles.point} style={{ left: `${percent(estimate.middle)}%` }} />
    </Box>
  );
}
