// One source: where it stands, what became of its events, and the mapping if it has one to write.
import { Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { type Source as SourceDetail, sourceQuery } from "../api";
import { count } from "../format";
import { DataTable } from "../parts/DataTable";
import { TextLink } from "../parts/Links";
import { MappingEditor } from "../parts/MappingEditor";
import { Page, Panel } from "../parts/Page";
import { Copyable, Facts, When } from "../parts/Shown";
import { Loaded } from "../parts/States";

const route = getRouteApi("/sources/$name");
const LIVE_MS = 5_000;

export function Source() {
  const { name } = route.useParams();
  const query = useQuery({ ...sourceQuery(name), refetchInterval: LIVE_MS });
  return (
    <Page title={name} crumb={<TextLink to="/sources">Sources</TextLink>} about={query.data?.describe}>
      <Loaded query={query} rows={6}>
        {(source) => (
          <Stack gap="lg">
            <State source={source} />
            {source.kind === "webhook" && <MappingEditor key={source.name} name={source.name} />}
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

function State({ source }: { source: SourceDetail }) {
  const rejected = Object.entries(source.rejected);
  const hook: [string, ReactNode][] = source.hook
    ? [["Calls come to", <Copyable key="hook" text={source.hook} label="Copy the address" />]]
    : [];
  return (
    <>
      <Panel>
        <Facts
          facts={[
            ["Kind", source.kind],
            ...hook,
            ["Events applied", count(source.applied)],
            ["Known before", count(source.duplicates)],
          ]}
        />
      </Panel>
      {source.streams.length > 0 && (
        <Panel title="Streams" pad={false}>
          <DataTable
            label={`Streams of ${source.name}`}
            rows={source.streams}
            id={(stream) => stream.stream}
            columns={[
              { name: "Stream", wide: true, cell: (stream) => (stream.error ? `${stream.stream}: ${stream.error}` : stream.stream) },
              { name: "State", cell: (stream) => stream.state },
              { name: "Last", cell: (stream) => <When at={stream.pulled_at} /> },
              { name: "Next", cell: (stream) => <When at={stream.next_at} none="–" /> },
              { name: "Events", figures: true, cell: (stream) => count(stream.events) },
            ]}
          />
        </Panel>
      )}
      {rejected.length > 0 && (
        <Panel title="Not used" note="Kept on the log, with the reason" pad={false}>
          <DataTable
            label={`What of ${source.name} could not be used`}
            rows={rejected}
            id={([reason]) => reason}
            columns={[
              { name: "Reason", wide: true, cell: ([reason]) => reason },
              { name: "Events", figures: true, cell: ([, events]) => count(events) },
            ]}
          />
        </Panel>
      )}
    </>
  );
}
