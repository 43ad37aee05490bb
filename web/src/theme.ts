// Colours and shapes in one place. Contrast was measured with axe-core in both schemes (WCAG 2.2 AA).
import {
  type CSSVariablesResolver,
  createTheme,
  defaultVariantColorsResolver,
  parseThemeColor,
  type VariantColorsResolver,
} from "@mantine/core";

// Light badges and alerts need darker (lighter) letters than the defaults to be readable.
const readableVariants: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input);
  const parsed = parseThemeColor({ color: input.color ?? input.theme.primaryColor, theme: input.theme });
  if (input.variant !== "light" || !parsed.isThemeColor) return colors;
  const name = parsed.color;
  const tint = (share: number) => `color-mix(in srgb, var(--mantine-color-${name}-6) ${share}%, transparent)`;
  return {
    ...colors,
    background: tint(14),
    hover: tint(20),
    border: "1px solid transparent",
    color: `light-dark(color-mix(in srgb, var(--mantine-color-${name}-9) 70%, black), var(--mantine-color-${name}-2))`,
  };
};

export const theme = createTheme({
  primaryColor: "iris",
  primaryShade: { light: 7, dark: 8 },
  autoContrast: true,
  defaultRadius: "md",
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  headings: {
    fontFamily: "'Inter Variable', system-ui, sans-serif",
    fontWeight: "650",
    sizes: { h1: { fontSize: "1.625rem", lineHeight: "1.25" }, h2: { fontSize: "1.0625rem", lineHeight: "1.4" } },
  },
  colors: {
    iris: ["#f2f1ff", "#e3e1ff", "#c6c1ff", "#a89fff", "#8b80fb", "#7366f2", "#6152e6", "#5041d6", "#4336b8", "#332a8c"],
    dark: ["#dcdee5", "#b9bdc9", "#8f95a5", "#5f6575", "#3a3f4c", "#2b2f39", "#22252e", "#191c23", "#121419", "#0c0d11"],
  },
  variantColorResolver: readableVariants,
  components: {
    Alert: { styles: { title: { color: "var(--mantine-color-text)" }, message: { color: "var(--mantine-color-text)" } } },
    Badge: { styles: { root: { overflow: "visible", fontWeight: 550 }, label: { overflow: "visible" } } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250 } },
  },
});

const CHOSEN = "color-mix(in srgb, var(--mantine-color-iris-6) 15%, transparent)";

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#55525f",
    "--mantine-color-text": "#1b1a22",
    "--mantine-color-placeholder": "#74717d",
    "--mantine-color-anchor": "var(--mantine-color-iris-8)",
    "--canvas": "#faf9f7",
    "--line": "#e8e5df",
    "--soft": "#f4f2ee",
    "--mantine-color-iris-light": CHOSEN,
  },
  dark: {
    "--mantine-color-dimmed": "#b0b5c2",
    "--mantine-color-placeholder": "#969cab",
    "--mantine-color-anchor": "var(--mantine-color-iris-3)",
    "--canvas": "var(--mantine-color-dark-8)",
    "--line": "var(--mantine-color-dark-5)",
    "--soft": "var(--mantine-color-dark-6)",
    "--mantine-color-iris-light": CHOSEN,
  },
});
