// Trained models, each with its card.
import { Box, Group, SimpleGrid, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { modelsQuery } from "../api";
import { words } from "../format";
import { PlainLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { State, When } from "../parts/Shown";
import { Empty, Loaded } from "../parts/States";

export function Models() {
  const query = useQuery(modelsQuery);
  return (
    <Page title="Models" about="What is likely, how well that is known, and what it must beat.">
      <Loaded query={query} rows={4}>
        {(models) =>
          models.length === 0 ? (
            <Panel><Empty title="No model was trained yet" command="vocative train">Write one in models/*.yaml: what to predict and within which time.</Empty></Panel>
          ) : (
            <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
              {models.map((model) => (
                <PlainLink key={model.name} to="/models/$model" params={{ model: model.name }}>
                  <Box className="panel" p="md" h="100%">
                    <Group justify="space-between" wrap="nowrap">
                      <Text fw={650} className="break">{model.name}</Text>
                      <State name={model.status ?? "not trained"} />
                    </Group>
                    <Text size="sm" c="dimmed">{model.describe || model.predicts}</Text>
                    {model.headline && <Text size="sm" mt="xs">{model.headline}</Text>}
                    <Text size="xs" c="dimmed" mt="sm">
                      {model.kind}{model.algorithm && `, ${words(model.algorithm)}`}{model.version && `, version ${model.version}`}, trained <When at={model.trained_at} />
                    </Text>
                  </Box>
                </PlainLink>
              ))}
            </SimpleGrid>
          )
        }
      </Loaded>
    </Page>
  );
}
