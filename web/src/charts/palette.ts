// Colours of charts in both schemes. Axis letters keep 4.5:1 against the panel.
import { useComputedColorScheme } from "@mantine/core";

const LIGHT = {
  text: "#55525f", line: "#e8e5df", panel: "#ffffff", strong: "#1b1a22",
  series: ["#5041d6", "#0f9a86", "#d9822b", "#c2417c", "#3b82c4", "#7a7784"],
  better: "#0b8573", worse: "#c92a2a", open: "#7a7784", faint: "#c6c1ff",
};
const DARK: typeof LIGHT = {
  text: "#b0b5c2", line: "#2b2f39", panel: "#191c23", strong: "#f1f2f6",
  series: ["#8b80fb", "#2cc3ab", "#f0a453", "#ea78aa", "#6cb0ea", "#9a9fad"],
  better: "#2cc3ab", worse: "#ff7b72", open: "#9a9fad", faint: "#332a8c",
};
export type Palette = typeof LIGHT;

export const usePalette = (): Palette => (useComputedColorScheme("light") === "dark" ? DARK : LIGHT);
