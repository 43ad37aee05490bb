// A chart with its title, one line of note, the same numbers as a table, and those as a file.
import { ActionIcon, Group, Skeleton, Tooltip } from "@mantine/core";
import { useToggle } from "@mantine/hooks";
import { IconChartBar, IconDownload, IconTable } from "@tabler/icons-react";
import type { EChartsOption } from "echarts";
import { lazy, type ReactNode, Suspense, useMemo } from "react";
import { DataTable } from "../parts/DataTable";
import { Panel } from "../parts/Page";
import { type Palette, usePalette } from "./palette";

const Drawing = lazy(() => import("./Drawing"));

export interface Numbers {
  columns: string[];
  rows: (string | number)[][];
}

function asFile({ columns, rows }: Numbers): string {
  const cell = (text: string | number) => (/[",\n]/.test(String(text)) ? `"${String(text).replaceAll('"', '""')}"` : text);
  const lines = [columns, ...rows].map((row) => row.map(cell).join(","));
  return `data:text/csv;charset=utf-8,${encodeURIComponent(lines.join("\n"))}`;
}

export function Chart({ title, note, numbers, option, height = 260 }: {
  title: string;
  note?: ReactNode;
  numbers: Numbers;
  option: (colors: Palette) => EChartsOption;
  height?: number;
}) {
  const [view, toggle] = useToggle(["chart", "table"] as const);
  const colors = usePalette();
  // `numbers` stands for everything the option is made of.
  const drawn = useMemo(() => option(colors), [colors, JSON.stringify(numbers)]);
  const other = view === "chart" ? "Show as a table" : "Show as a chart";
  const actions = (
    <Group gap={4} wrap="nowrap">
      <Tooltip label={other}>
        <ActionIcon variant="subtle" color="gray" aria-label={`${title}: ${other.toLowerCase()}`} onClick={() => toggle()}>
          {view === "chart" ? <IconTable size={17} /> : <IconChartBar size={17} />}
        </ActionIcon>
      </Tooltip>
      <Tooltip label="Download CSV">
        <ActionIcon component="a" variant="subtle" color="gray" aria-label={`${title}: download CSV`}
          href={asFile(numbers)} download={`${title}.csv`}>
          <IconDownload size={17} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
  return (
    <Panel title={title} note={note} actions={actions}>
      {view === "chart" ? (
        <Suspense fallback={<Skeleton height={height} radius="md" />}><Drawing title={title} option={drawn} height={height} /></Suspense>
      ) : (
        <DataTable<Numbers["rows"][number]>
          label={title}
          rows={numbers.rows}
          id={(row) => String(row[0])}
          columns={numbers.columns.map((name, at) => ({ name, figures: at > 0, cell: (row) => row[at] ?? "" }))}
        />
      )}
    </Panel>
  );
}
