// Finds people by e-mail address, name or id, within a segment if wanted.
import { Group, Select, Text, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useDebouncedValue } from "@mantine/hooks";
import { peopleQuery, segmentsQuery } from "../api";
import { count } from "../format";
import { Page } from "../parts/Page";
import { Paging } from "../parts/Paging";
import { PeopleTable } from "../parts/PeopleTable";
import { Empty, Loaded } from "../parts/States";

const route = getRouteApi("/people");
const PAGE = 50;

export function People() {
  const { search, segment, after } = route.useSearch();
  const navigate = route.useNavigate();
  const [typed, setTyped] = useState(search ?? "");
  const [settled] = useDebouncedValue(typed, 200);
  const query = useQuery(peopleQuery({ search, segment, after, limit: PAGE }));
  const segments = useQuery(segmentsQuery);

  useEffect(() => {
    if (settled === (search ?? "")) return;
    void navigate({ search: (old) => ({ segment: old.segment, search: settled }), replace: true });
    // Only what is typed moves the address, never the other way round.
  }, [settled]);

  return (
    <Page title="People" about={query.data && <span className="figures">{count(query.data.total)} {segment ? `in ${segment}` : "known"}</span>}>
      <Group gap="sm">
        <TextInput
          id="person-search" type="search" aria-label="Search people" placeholder="Whole e-mail address, user id or person id" flex={1} miw={220} maw={420}
          leftSection={<IconSearch size={16} />} value={typed} onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Select
          aria-label="Segment" placeholder="Any segment" clearable searchable w={240} value={segment ?? null}
          data={segments.data?.map((one) => one.name) ?? (segment ? [segment] : [])}
          onChange={(name) => void navigate({ search: (old) => ({ search: old.search, segment: name ?? undefined }) })}
        />
      </Group>
      <div className="panel" style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
        <Loaded query={query} rows={10}>
          {(page) =>
            page.people.length === 0 ? (
              <Empty title="Nobody fits">
                {search ? <>Addresses are kept encrypted and found by their exact form, so type the whole address. </> : null}
                <Text span inherit>Clear the search or choose another segment.</Text>
              </Empty>
            ) : (
              <>
                <PeopleTable people={page.people} />
                <Paging shown={page.people.length} total={page.total} noun="people" after={after} next={page.next} />
              </>
            )
          }
        </Loaded>
      </div>
    </Page>
  );
}
