// The SQL that decides, and one click further the whole query from history on.
import { Button, Collapse } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { segmentPlanQuery } from "../api";
import { Panel } from "./Page";
import { Loaded } from "./States";

export function SegmentQuery({ name, decides }: { name: string; decides: string }) {
  const [opened, { toggle }] = useDisclosure();
  const query = useQuery({ ...segmentPlanQuery(name), enabled: opened });
  const more = (
    <Button variant="subtle" size="compact-sm" onClick={toggle} aria-expanded={opened} style={{ flex: "none" }}>
      {opened ? "Hide the whole query" : "Show the whole query"}
    </Button>
  );
  return (
    <Panel title="SQL" note="What the engine runs, written from the definition" actions={more}>
      {!opened && <pre className="source">{decides}</pre>}
      <Collapse expanded={opened}>
        {opened && <Loaded query={query} rows={6}>{(plan) => <pre className="source" aria-label="The whole query">{plan.sql}</pre>}</Loaded>}
      </Collapse>
    </Panel>
  );
}
