// What a decision recorded, whatever its shape: lists as lines, pairs and objects as name and value.
import { Text } from "@mantine/core";
import { value, words } from "../format";
import { useWorkspace } from "./workspace";

export function Nested({ shown }: { shown: unknown }) {
  const { timezone } = useWorkspace();
  if (shown === null || typeof shown !== "object") return value(shown, timezone);
  const lines = Array.isArray(shown)
    ? shown.map((part) => (Array.isArray(part) ? part.map((one) => value(one, timezone)).join(": ") : value(part, timezone)))
    : Object.entries(shown).map(([name, part]) => `${words(name)}: ${value(part, timezone)}`);
  return lines.map((line) => <Text key={line} size="sm" className="break">{line}</Text>);
}
