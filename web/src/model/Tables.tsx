// The tables of a model card.
import { Group, Stack, Text } from "@mantine/core";
import type { ModelCard } from "../api";
import { count, number, rate, words } from "../format";
import { DataTable } from "../parts/DataTable";
import { Panel } from "../parts/Page";
import { ShareBar } from "../parts/Shown";
import { IntervalBar } from "../report/Interval";

type Quality = NonNullable<ModelCard["quality"]>;

/** The model beside the simple rules that it must beat. */
export function Against({ card, quality }: { card: ModelCard; quality: Quality }) {
  const own = { name: words(card.algorithm), roc_auc: quality.roc_auc, pr_auc: quality.pr_auc, lift_top_tenth: quality.lift[0]?.lift ?? null };
  return (
    <Panel title="Against simple rules" pad={false} note="ROC-AUC: how often someone who will is ranked above someone who will not. 0.5 is chance, 1 is perfect.">
      <DataTable<{ name: string; roc_auc: Quality["roc_auc"]; pr_auc: number; lift_top_tenth: number | null }>
        label="Against simple rules"
        rows={[own, ...card.baselines]}
        id={(row) => row.name}
        columns={[
          { name: "Ranked by", cell: (row) => <Text span inherit fw={row === own ? 650 : 400}>{row.name}</Text> },
          {
            name: "0.5 to 1", wide: true, minor: true,
            cell: ({ roc_auc: auc, name }) => (
              <IntervalBar
                from={0.5} to={1} mark={0.5} tone={name === own.name ? "own" : "open"} estimate={{ low: auc.low, high: auc.high, middle: auc.value }}
                label={`${name}: ROC-AUC ${number(auc.value)}, ${number(auc.low)} to ${number(auc.high)}`}
              />
            ),
          },
          { name: "ROC-AUC", figures: true, cell: ({ roc_auc: auc }) => <>{number(auc.value)} <Text span inherit c="dimmed">({number(auc.low)} to {number(auc.high)})</Text></> },
          { name: "PR-AUC", figures: true, cell: (row) => number(row.pr_auc) },
          { name: "Lift of the best tenth", figures: true, cell: (row) => (row.lift_top_tenth === null ? "–" : number(row.lift_top_tenth)) },
        ]}
      />
    </Panel>
  );
}

export function Rankings({ card }: { card: ModelCard }) {
  return (
    <Panel title="Lists on later purchases" pad={false} note="Lists were made as of an earlier day and compared with what people bought after it.">
      <DataTable
        label="Lists on later purchases"
        rows={card.ranking}
        id={(row) => row.name}
        columns={[
          { name: "Recommender", wide: true, cell: (row) => row.name },
          { name: "Found one in 10", figures: true, cell: (row) => rate(row.hit10) },
          { name: "NDCG@10", figures: true, cell: (row) => number(row.ndcg10) },
          { name: "Recall@20", figures: true, cell: (row) => rate(row.recall20) },
          { name: "Items shown", figures: true, cell: (row) => rate(row.coverage10) },
        ]}
      />
    </Panel>
  );
}

export function Importances({ card }: { card: ModelCard }) {
  const rows = card.importances.slice(0, 12);
  return (
    <Panel title="What moves the score" note="Share of all movement of the score">
      <Stack gap="sm" mt="xs">
        {rows.map((row) => (
          <div key={row.feature}>
            <Group justify="space-between" wrap="nowrap" mb={4}>
              <Text size="sm" className="break">{row.feature}<Text span inherit c="dimmed">{row.describe && ` · ${row.describe}`}</Text></Text>
              <Text size="sm" className="figures">{rate(row.share)}</Text>
            </Group>
            <ShareBar share={row.share / (rows[0]?.share || 1)} label={`${row.feature}: ${rate(row.share)}`} />
          </div>
        ))}
      </Stack>
    </Panel>
  );
}

export function Tried({ card }: { card: ModelCard }) {
  if (card.candidates.length === 0) return null;
  return (
    <Panel title="Algorithms tried" pad={false}>
      <DataTable
        label="Algorithms tried"
        rows={card.candidates}
        id={(row) => row.algorithm}
        columns={[
          { name: "Algorithm", wide: true, cell: (row) => <><Text span inherit fw={row.chosen ? 650 : 400}>{words(row.algorithm)}{row.chosen && ", chosen"}</Text>{row.why && <Text size="xs" c="dimmed">{row.why}</Text>}</> },
          { name: "Log loss", figures: true, cell: (row) => (row.log_loss === null || row.log_loss === undefined ? "–" : number(row.log_loss)) },
          { name: "ROC-AUC", figures: true, cell: (row) => (row.roc_auc === null || row.roc_auc === undefined ? "–" : number(row.roc_auc)) },
        ]}
      />
    </Panel>
  );
}

export function Cuts({ card }: { card: ModelCard }) {
  if (card.cuts.length === 0) return null;
  return (
    <Panel title="Instants looked ahead from" pad={false}>
      <DataTable
        label="Instants looked ahead from"
        rows={card.cuts}
        id={(row) => `${row.as_of} ${row.role}`}
        columns={[
          { name: "As of", wide: true, cell: (row) => row.as_of.slice(0, 10) },
          { name: "For", cell: (row) => row.role },
          { name: "People", figures: true, cell: (row) => count(row.people) },
          { name: "Did it", figures: true, cell: (row) => count(row.positives) },
        ]}
      />
    </Panel>
  );
}
