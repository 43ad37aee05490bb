// One segment: how many, who came and went, who for example, and the exact SQL that decides.
import { Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { growthQuery, type SegmentDetail, segmentQuery } from "../api";
import { GrowthCharts } from "../charts/GrowthCharts";
import { count, rate } from "../format";
import { ButtonLink, TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { PeopleTable } from "../parts/PeopleTable";
import { Facts, When } from "../parts/Shown";
import { SegmentQuery } from "../parts/SegmentQuery";
import { Empty, Loaded } from "../parts/States";

const route = getRouteApi("/segments/$name");

export function Segment() {
  const { name } = route.useParams();
  const query = useQuery({ ...segmentQuery(name), refetchInterval: 5_000 });
  return (
    <Page
      title={name}
      crumb={<TextLink to="/segments">Segments</TextLink>}
      about={query.data?.describe}
      actions={
        <Group gap="sm">
          <ButtonLink to="/overlap" search={{ segments: name }} variant="default">Compare with others</ButtonLink>
          <ButtonLink to="/people" search={{ segment: name }} variant="default">Open the people</ButtonLink>
        </Group>
      }
    >
      <Loaded query={query} rows={8}>{(segment) => <Detail segment={segment} />}</Loaded>
    </Page>
  );
}

function Growth({ name }: { name: string }) {
  const query = useQuery({ ...growthQuery(name), refetchInterval: 60_000 });
  return <Loaded query={query} rows={4}>{(growth) => <GrowthCharts growth={growth} />}</Loaded>;
}

function Detail({ segment }: { segment: SegmentDetail }) {
  return (
    <Stack gap="lg">
      <Panel>
        <Group align="flex-start" gap="xl">
          <div>
            <TextLink to="/people" search={{ segment: segment.name }} fz={34} fw={650} lh={1.1} c="inherit" className="figures" aria-label={`${count(segment.count)} people in ${segment.name}`}>
              {count(segment.count)}
            </TextLink>
            <Text size="sm" c="dimmed">people, {rate(segment.share)} of everyone</Text>
          </div>
          <Facts
            facts={[
              ["Condition", <code key="where">{segment.where}</code>],
              ["Changed", <When key="changed" at={segment.changed_at} none="not since it is computed" />],
              ["Computed", <When key="when" at={segment.computed_at} />],
              ["Looks at", segment.uses.length > 0 ? segment.uses.join(", ") : "nothing else"],
            ]}
          />
        </Group>
      </Panel>
      <Growth name={segment.name} />
      <Panel title="Some of them" pad={false}>
        {segment.sample.length > 0 ? (
          <PeopleTable people={segment.sample} label={`Some of ${segment.name}`} />
        ) : (
          <Empty title="Nobody fits now">Loosen the condition, or wait: membership is recomputed as events come in.</Empty>
        )}
      </Panel>
      <SegmentQuery name={segment.name} decides={segment.sql} />
    </Stack>
  );
}
