// The one door to the server. Types come from the server's own description of itself (`npm run gen`),
// so a changed answer is a compile error here and nowhere else.
import { infiniteQueryOptions, keepPreviousData, type QueryClient, queryOptions } from "@tanstack/react-query";
import createClient from "openapi-fetch";
import { apiKey } from "./key";
import type { paths } from "./schema";

// Pairs come through openapi-fetch as lists.
type Listed<T> = T extends (infer Part)[] ? Listed<Part>[] : T extends object ? { [K in keyof T]: Listed<T[K]> } : T;

type Answer<P extends keyof paths, M extends "get" | "post" = "get"> = paths[P][M] extends {
  responses: { 200: { content: { "application/json": infer Body } } };
}
  ? Listed<Body>
  : never;

export type Overview = Answer<"/api/overview">;
export type People = Answer<"/api/people">;
export type PersonRow = People["people"][number];
export type Person = Answer<"/api/people/{person_id}">;
export type TimelineEvent = Answer<"/api/people/{person_id}/timeline">["events"][number];
export type Explanation = Answer<"/api/people/{person}/explain">;
export type Segment = Answer<"/api/segments">[number];
export type SegmentDetail = Answer<"/api/segments/{name}">;
export type Growth = Answer<"/api/segments/{name}/growth">;
export type Overlap = Answer<"/api/overlap">;
export type Membership = Answer<"/api/people/{person}/memberships">[number];
export type PackSummary = Answer<"/api/packs">[number];
export type Pack = Answer<"/api/packs/{name}">;
export type AddedPack = Answer<"/api/packs/{name}", "post">;
export type Preview = Answer<"/api/segments/preview", "post">;
export type Campaign = Answer<"/api/campaigns">[number];
export type MessageRow = Answer<"/api/campaigns/{campaign}/messages">["messages"][number];
export type Message = Answer<"/api/messages/{message_id}">;
export type Model = Answer<"/api/models">[number];
export type ModelCard = Answer<"/api/models/{name}">;
export type Import = Answer<"/api/imports">[number];
export type Quality = Answer<"/api/quality">;
export type QualitySource = Quality["sources"][number];
export type Source = Answer<"/api/sources">[number];
export type TemplateSummary = Answer<"/api/templates">[number];
export type TemplatePreview = Answer<"/api/templates/{template}/preview">;
export type TemplateVersion = Answer<"/api/templates/{template}/versions">[number];
export type FormSummary = Answer<"/api/forms">[number];
export type FormDetail = Answer<"/api/forms/{name}">;
export type FormSubmission = Answer<"/api/forms/{name}/submissions">["submissions"][number];
export type HeldSubmission = Answer<"/api/forms/{name}/submissions">["held"][number];
export type Matches = Answer<"/api/matches">;
export type Match = Matches["matches"][number];
export type MatchDetail = Answer<"/api/matches/{match_id}">;
export type Threshold = Answer<"/api/matches/thresholds">[number];
export type MatchesAccepted = Answer<"/api/matches/accept", "post">;
export type Separated = Answer<"/api/matches/{match_id}/undo", "post">;
export type Mapping = Answer<"/api/sources/{name}/mapping">;
export type MappingPreview = Answer<"/api/sources/{name}/mapping/preview", "post">;

export interface Place {
  file?: string | null;
  line?: number | null;
  column?: number | null;
  source_line?: string | null;
}

/** What the server refused, in its own words: what, where and what to do next. */
export class ApiError extends Error {
  constructor(
    readonly kind: string,
    message: string,
    readonly where: Place | null,
    readonly hint: string | null,
  ) {
    super(message);
  }
}

const client = createClient<paths>({ baseUrl: "/" });
client.use({
  onRequest({ request }) {
    const key = apiKey();
    if (key) request.headers.set("Authorization", `Bearer ${key}`);
    return request;
  },
});

async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call.catch(() => {
    throw new ApiError("unreachable", "The server does not answer.", null, "Is `vocative serve` still running?");
  });
  if (data !== undefined) return data;
  const told = (error as { error?: ApiError } | undefined)?.error;
  if (told) throw new ApiError(told.kind, told.message, told.where, told.hint);
  throw new ApiError("unknown", `The server answered ${response.status}.`, null, "Look at the log of `vocative serve`.");
}

export const overviewQuery = queryOptions({
  queryKey: ["overview"],
  queryFn: () => answer(client.GET("/api/overview")),
});

export interface PeopleAsked {
  search?: string;
  segment?: string;
  after?: string;
  limit?: number;
}
export const peopleQuery = (query: PeopleAsked) =>
  queryOptions({
    queryKey: ["people", query],
    queryFn: () => answer(client.GET("/api/people", { params: { query } })),
    placeholderData: keepPreviousData,
  });

export const personQuery = (person_id: string) =>
  queryOptions({
    queryKey: ["person", person_id],
    queryFn: () => answer(client.GET("/api/people/{person_id}", { params: { path: { person_id } } })),
  });

export const timelineQuery = (person_id: string, name: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ["timeline", person_id, name],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: before }) =>
      answer(
        client.GET("/api/people/{person_id}/timeline", {
          params: { path: { person_id }, query: { before, name, limit: 30 } },
        }),
      ),
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });

export const explainQuery = (person: string, campaign: string) =>
  queryOptions({
    queryKey: ["explain", person, campaign],
    queryFn: () =>
      answer(client.GET("/api/people/{person}/explain", { params: { path: { person }, query: { campaign } } })),
  });

export const segmentsQuery = queryOptions({
  queryKey: ["segments"],
  queryFn: () => answer(client.GET("/api/segments")),
});

export const segmentQuery = (name: string) =>
  queryOptions({
    queryKey: ["segment", name],
    queryFn: () => answer(client.GET("/api/segments/{name}", { params: { path: { name } } })),
  });

export const growthQuery = (name: string) =>
  queryOptions({
    queryKey: ["growth", name],
    queryFn: () => answer(client.GET("/api/segments/{name}/growth", { params: { path: { name } } })),
  });

export const segmentPlanQuery = (name: string) =>
  queryOptions({
    queryKey: ["plan", name],
    queryFn: () => answer(client.GET("/api/segments/{name}/plan", { params: { path: { name } } })),
  });

export const overlapQuery = (segments: string[]) =>
  queryOptions({
    queryKey: ["overlap", segments],
    queryFn: () => answer(client.GET("/api/overlap", { params: { query: { segments } } })),
    enabled: segments.length > 1,
    placeholderData: keepPreviousData,
  });

export const membershipsQuery = (person: string) =>
  queryOptions({
    queryKey: ["memberships", person],
    queryFn: () => answer(client.GET("/api/people/{person}/memberships", { params: { path: { person } } })),
  });

export const packsQuery = queryOptions({
  queryKey: ["packs"],
  queryFn: () => answer(client.GET("/api/packs")),
});

export const packQuery = (name: string) =>
  queryOptions({
    queryKey: ["pack", name],
    queryFn: () => answer(client.GET("/api/packs/{name}", { params: { path: { name } } })),
  });

// A POST without a body is refused: a form of another site could send one.
export const addPack = (name: string) => answer(client.POST("/api/packs/{name}", { params: { path: { name } }, body: {} }));

export const recompute = () => answer(client.POST("/api/segments/recompute", { body: {} }));

export const previewQuery = (where: string) =>
  queryOptions({
    queryKey: ["preview", where],
    queryFn: () => answer(client.POST("/api/segments/preview", { body: { where } })),
    enabled: where.trim() !== "",
    placeholderData: keepPreviousData,
  });

export const featuresQuery = queryOptions({
  queryKey: ["features"],
  queryFn: () => answer(client.GET("/api/features")),
});

export const campaignsQuery = queryOptions({
  queryKey: ["campaigns"],
  queryFn: () => answer(client.GET("/api/campaigns")),
});

export interface MessagesAsked {
  state?: string;
  arm?: string;
  reason?: string;
  after?: string;
  limit?: number;
}
export const messagesQuery = (campaign: string, query: MessagesAsked) =>
  queryOptions({
    queryKey: ["messages", campaign, query],
    queryFn: () =>
      answer(client.GET("/api/campaigns/{campaign}/messages", { params: { path: { campaign }, query } })),
    placeholderData: keepPreviousData,
  });

export const messageQuery = (message_id: string) =>
  queryOptions({
    queryKey: ["message", message_id],
    queryFn: () => answer(client.GET("/api/messages/{message_id}", { params: { path: { message_id } } })),
  });

export const messagePage = (message_id: string) => `/api/messages/${encodeURIComponent(message_id)}/html`;

/** The page's text, for servers that want a key: a frame cannot send one. */
export const messagePageQuery = (message_id: string) =>
  queryOptions({
    queryKey: ["message page", message_id],
    enabled: apiKey() !== null,
    queryFn: async () => {
      const page = await fetch(messagePage(message_id), { headers: { Authorization: `Bearer ${apiKey()}` } });
      return page.text();
    },
  });

export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: () => answer(client.GET("/api/models")),
});

export const modelQuery = (name: string) =>
  queryOptions({
    queryKey: ["model", name],
    queryFn: () => answer(client.GET("/api/models/{name}", { params: { path: { name } } })),
  });

export const importsQuery = queryOptions({
  queryKey: ["imports"],
  queryFn: () => answer(client.GET("/api/imports")),
});

export const templatesQuery = queryOptions({
  queryKey: ["templates"],
  queryFn: () => answer(client.GET("/api/templates")),
});

export interface PreviewAsked {
  version: string;
  nobody: boolean;
  person?: string;
  scheme: "light" | "dark";
}
export const templatePreviewQuery = (template: string, query: PreviewAsked) =>
  queryOptions({
    queryKey: ["template", template, "preview", query],
    queryFn: () => answer(client.GET("/api/templates/{template}/preview", { params: { path: { template }, query } })),
    placeholderData: keepPreviousData,
  });

export const templateVersionsQuery = (template: string) =>
  queryOptions({
    queryKey: ["template", template, "versions"],
    queryFn: () => answer(client.GET("/api/templates/{template}/versions", { params: { path: { template } } })),
  });

export const templateDiffQuery = (template: string, old: string) =>
  queryOptions({
    queryKey: ["template", template, "diff", old],
    queryFn: () => answer(client.GET("/api/templates/{template}/diff", { params: { path: { template }, query: { old } } })),
  });

export const formsQuery = queryOptions({
  queryKey: ["forms"],
  queryFn: () => answer(client.GET("/api/forms")),
});

export const formQuery = (name: string) =>
  queryOptions({
    queryKey: ["forms", name],
    queryFn: () => answer(client.GET("/api/forms/{name}", { params: { path: { name } } })),
  });

export const submissionsQuery = (name: string, before: string | undefined) =>
  queryOptions({
    queryKey: ["forms", name, "submissions", before],
    queryFn: () => answer(client.GET("/api/forms/{name}/submissions", { params: { path: { name }, query: { before } } })),
  });

export const decideSubmission = ({ submission, release }: { submission: string; release: boolean }) =>
  release
    ? answer(client.POST("/api/submissions/{submission}/release", { params: { path: { submission } }, body: {} }))
    : answer(client.POST("/api/submissions/{submission}/discard", { params: { path: { submission } }, body: {} }));

export type MatchState = "open" | "accepted" | "rejected";
export interface MatchesAsked {
  state: MatchState;
  above?: number;
  after?: string;
  limit?: number;
}
export const matchesQuery = (query: MatchesAsked) =>
  queryOptions({
    queryKey: ["matches", query],
    queryFn: () => answer(client.GET("/api/matches", { params: { query } })),
    placeholderData: keepPreviousData,
  });

export const thresholdsQuery = queryOptions({
  queryKey: ["matches", "thresholds"],
  queryFn: () => answer(client.GET("/api/matches/thresholds")),
});

export const matchQuery = (match_id: string) =>
  queryOptions({
    queryKey: ["match", match_id],
    queryFn: () => answer(client.GET("/api/matches/{match_id}", { params: { path: { match_id } } })),
    // Every look is audited: none happens by itself.
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });

export type Decision = "accept" | "reject" | "reopen" | "undo";
export async function decideMatch({ match_id, decision }: { match_id: string; decision: Decision }): Promise<void> {
  const asked = { params: { path: { match_id } }, body: {} };
  if (decision === "accept") await answer(client.POST("/api/matches/{match_id}/accept", asked));
  if (decision === "reject") await answer(client.POST("/api/matches/{match_id}/reject", asked));
  if (decision === "reopen") await answer(client.POST("/api/matches/{match_id}/reopen", asked));
  if (decision === "undo") await answer(client.POST("/api/matches/{match_id}/undo", asked));
}

// What a decision would do is asked anew each time: everything else may have changed it.
const WOULD = "would";
const ANEW = { staleTime: 0, gcTime: 0, refetchOnWindowFocus: false } as const;

/** After a decision everything is asked again, but not what the decision would do. */
export const askAgain = (queries: QueryClient) =>
  queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== WOULD });

export const undoPreviewQuery = (match_id: string) =>
  queryOptions({
    queryKey: [WOULD, "undo", match_id],
    queryFn: () => answer(client.POST("/api/matches/{match_id}/undo", { params: { path: { match_id } }, body: { dry_run: true } })),
    ...ANEW,
  });

export const acceptPreviewQuery = (above: number) =>
  queryOptions({
    queryKey: [WOULD, "accept", above],
    queryFn: () => answer(client.POST("/api/matches/accept", { body: { above, dry_run: true } })),
    ...ANEW,
  });

export const acceptMatches = (above: number, exactly: number) =>
  answer(client.POST("/api/matches/accept", { body: { above, exactly } }));

export const separationPreviewQuery = (person_id: string) =>
  queryOptions({
    queryKey: [WOULD, "separate", person_id],
    queryFn: () => answer(client.POST("/api/people/{person_id}/separate", { params: { path: { person_id } }, body: { dry_run: true } })),
    ...ANEW,
  });

export const separatePerson = (person_id: string) =>
  answer(client.POST("/api/people/{person_id}/separate", { params: { path: { person_id } }, body: {} }));

export const qualityQuery = queryOptions({
  queryKey: ["quality"],
  queryFn: () => answer(client.GET("/api/quality")),
});

export const sourcesQuery = queryOptions({
  queryKey: ["sources"],
  queryFn: () => answer(client.GET("/api/sources")),
});

export const sourceQuery = (name: string) =>
  queryOptions({
    queryKey: ["sources", name],
    queryFn: () => answer(client.GET("/api/sources/{name}", { params: { path: { name } } })),
  });

export const mappingQuery = (name: string) =>
  queryOptions({
    queryKey: ["sources", name, "mapping"],
    queryFn: () => answer(client.GET("/api/sources/{name}/mapping", { params: { path: { name } } })),
  });

export const mappingPreviewQuery = (name: string, text: string, payload: number | null) =>
  queryOptions({
    queryKey: ["mapping preview", name, text, payload],
    queryFn: () =>
      answer(client.POST("/api/sources/{name}/mapping/preview", { params: { path: { name } }, body: { text, payload: payload ?? undefined } })),
    retry: false,
  });

export const saveMapping = (name: string, text: string, stamp: string) =>
  answer(client.POST("/api/sources/{name}/mapping", { params: { path: { name } }, body: { text, stamp } }));

export const remap = (name: string) =>
  answer(client.POST("/api/sources/{name}/remap", { params: { path: { name } }, body: {} }));

export type Report = Answer<"/api/campaigns/{campaign}/report">;
export const reportQuery = (campaign: string) =>
  queryOptions({
    queryKey: ["report", campaign],
    queryFn: () => answer(client.GET("/api/campaigns/{campaign}/report", { params: { path: { campaign } } })),
    staleTime: 60_000,
  });

export type CampaignRuns = Answer<"/api/campaigns/{campaign}/runs">;
export type CampaignRun = CampaignRuns["runs"][number];
export const runsQuery = (campaign: string) =>
  queryOptions({
    queryKey: ["runs", campaign],
    queryFn: () => answer(client.GET("/api/campaigns/{campaign}/runs", { params: { path: { campaign } } })),
  });

export const reachQuery = (campaign: string) =>
  queryOptions({
    queryKey: ["reach", campaign],
    queryFn: () => answer(client.GET("/api/campaigns/{campaign}/reach", { params: { path: { campaign } } })),
    retry: false,
  });

export const haltsQuery = queryOptions({
  queryKey: ["halts"],
  queryFn: () => answer(client.GET("/api/halts")),
});

export type Step = "schedule" | "approve" | "pause" | "resume" | "cancel" | "retry" | "again" | "halt" | "unhalt";
/** One step of a campaign; of a run of it where `occurrence` names one. */
export async function steer({ campaign, step, occurrence }: { campaign: string; step: Step; occurrence?: string }): Promise<void> {
  const asked = { params: { path: { campaign } }, body: { occurrence } };
  if (step === "schedule") await answer(client.POST("/api/campaigns/{campaign}/schedule", asked));
  if (step === "approve") await answer(client.POST("/api/campaigns/{campaign}/approve", asked));
  if (step === "pause") await answer(client.POST("/api/campaigns/{campaign}/pause", asked));
  if (step === "resume") await answer(client.POST("/api/campaigns/{campaign}/resume", asked));
  if (step === "cancel") await answer(client.POST("/api/campaigns/{campaign}/cancel", asked));
  if (step === "retry") await answer(client.POST("/api/campaigns/{campaign}/retry", asked));
  if (step === "again") await answer(client.POST("/api/campaigns/{campaign}/again", { params: { path: { campaign } }, body: { unless: "opened", of: occurrence } }));
  if (step === "halt") await answer(client.POST("/api/halt", { body: { campaign } }));
  if (step === "unhalt") await answer(client.POST("/api/unhalt", { body: { campaign } }));
}

export const haltEverything = (halted: boolean) =>
  halted ? answer(client.POST("/api/halt", { body: {} })) : answer(client.POST("/api/unhalt", { body: {} }));
