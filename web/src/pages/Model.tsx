// The model card: what was learned from what, how good it is on later people, what to mind.
import { Alert, Grid, List, SimpleGrid, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type ModelCard, modelQuery } from "../api";
import { CalibrationChart, GainChart, LiftChart } from "../charts/QualityCharts";
import { count, number, words } from "../format";
import { Against, Cuts, Importances, Rankings, Tried } from "../model/Tables";
import { TextLink } from "../parts/Links";
import { Page, Panel } from "../parts/Page";
import { Facts, State, When } from "../parts/Shown";
import { Loaded } from "../parts/States";

const route = getRouteApi("/models/$model");

export function Model() {
  const { model } = route.useParams();
  const query = useQuery(modelQuery(model));
  return (
    <Page title={model} crumb={<TextLink to="/models">Models</TextLink>} about={query.data?.describe || query.data?.predicts}>
      <Loaded query={query} rows={8}>{(card) => <Card card={card} />}</Loaded>
    </Page>
  );
}

function Card({ card }: { card: ModelCard }) {
  return (
    <Stack gap="lg">
      {card.missing.length > 0 && (
        <Alert color="yellow" icon={<IconAlertTriangle />} title="There is not enough to learn from yet">
          <List size="sm">{card.missing.map((sentence) => <List.Item key={sentence}><div className="sentence">{sentence}</div></List.Item>)}</List>
        </Alert>
      )}
      <Panel>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl" verticalSpacing={6}>
          <Facts
            facts={[
              ["Predicts", card.predicts],
              ["For", <code key="for">{card.population}</code>],
              ["Algorithm", words(card.algorithm) || "none yet"],
              ["Status", <State key="status" name={card.status} />],
            ]}
          />
          <Facts
            facts={[
              ["Version", card.version],
              ["Trained", <When key="when" at={card.trained_at} />],
              ["Learned from", `${count(card.people)} people, ${card.data_from?.slice(0, 10) ?? "–"} to ${card.data_until?.slice(0, 10) ?? "–"}`],
              ["Training took", `${number(card.train_seconds)} s, seed ${card.seed}`],
            ]}
          />
        </SimpleGrid>
      </Panel>
      {card.quality && <Quality card={card} quality={card.quality} />}
      {card.ranking.length > 0 && <Rankings card={card} />}
      {card.cautions.length > 0 && (
        <Panel title="What to mind"><List size="sm" spacing={4}>{card.cautions.map((caution) => <List.Item key={caution}><div className="sentence">{caution}</div></List.Item>)}</List></Panel>
      )}
      <Grid gap="lg">
        {card.importances.length > 0 && <Grid.Col span={{ base: 12, md: 6 }}><Importances card={card} /></Grid.Col>}
        <Grid.Col span={{ base: 12, md: card.importances.length > 0 ? 6 : 12 }}>
          <Stack gap="lg"><Tried card={card} /><Cuts card={card} /></Stack>
        </Grid.Col>
      </Grid>
    </Stack>
  );
}

function Quality({ card, quality }: { card: ModelCard; quality: NonNullable<ModelCard["quality"]> }) {
  return (
    <>
      <Against card={card} quality={quality} />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 4 }}><LiftChart lift={quality.lift} /></Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}><GainChart lift={quality.lift} /></Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}><CalibrationChart rows={quality.calibration} /></Grid.Col>
      </Grid>
      <Text size="sm" c="dimmed">
        Judged on {count(quality.people)} people at a later time than any the model has learned from; {count(quality.positives)} of them did it.
        Log loss {number(quality.log_loss)}, Brier score {number(quality.brier)}, mean gap of calibration {number(quality.calibration_error)}.
      </Text>
    </>
  );
}
