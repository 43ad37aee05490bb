// Every page has a URL and keeps its state in it. Pages load when they are first opened.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { Crash, Missing } from "./parts/States";
import { Shell } from "./shell/Shell";

type Search<K extends string> = Partial<Record<K, string>>;

/** Reads the named texts from the address; anything else in it is ignored. */
function texts<K extends string>(...keys: K[]) {
  return (search: Record<string, unknown>) =>
    Object.fromEntries(keys.filter((key) => search[key]).map((key) => [key, String(search[key])])) as Search<K>;
}

const root = createRootRoute({ component: Shell, notFoundComponent: Missing });
const parent = { getParentRoute: () => root };

const routes = [
  createRoute({ ...parent, path: "/", component: lazyRouteComponent(() => import("./pages/Home"), "Home") }),
  createRoute({
    ...parent,
    path: "/people",
    validateSearch: texts("search", "segment", "after"),
    component: lazyRouteComponent(() => import("./pages/People"), "People"),
  }),
  createRoute({
    ...parent,
    path: "/people/$personId",
    validateSearch: texts("tab", "event"),
    component: lazyRouteComponent(() => import("./pages/Person"), "Person"),
  }),
  createRoute({
    ...parent,
    path: "/people/$personId/explain",
    validateSearch: texts("campaign"),
    component: lazyRouteComponent(() => import("./pages/Explain"), "Explain"),
  }),
  createRoute({
    ...parent,
    path: "/matches",
    validateSearch: texts("tab", "above", "after", "pair"),
    component: lazyRouteComponent(() => import("./pages/Matches"), "Matches"),
  }),
  createRoute({
    ...parent,
    path: "/segments",
    validateSearch: texts("where", "search"),
    component: lazyRouteComponent(() => import("./pages/Segments"), "Segments"),
  }),
  createRoute({
    ...parent,
    path: "/segments/$name",
    component: lazyRouteComponent(() => import("./pages/Segment"), "Segment"),
  }),
  createRoute({
    ...parent,
    path: "/overlap",
    validateSearch: texts("segments"),
    component: lazyRouteComponent(() => import("./pages/Overlap"), "Overlap"),
  }),
  createRoute({
    ...parent,
    path: "/packs",
    validateSearch: texts("pack"),
    component: lazyRouteComponent(() => import("./pages/Packs"), "Packs"),
  }),
  createRoute({
    ...parent,
    path: "/campaigns",
    component: lazyRouteComponent(() => import("./pages/Campaigns"), "Campaigns"),
  }),
  createRoute({
    ...parent,
    path: "/campaigns/$campaign",
    component: lazyRouteComponent(() => import("./pages/CampaignReport"), "CampaignReport"),
  }),
  createRoute({
    ...parent,
    path: "/messages",
    validateSearch: texts("campaign", "state", "arm", "reason", "after", "message", "view"),
    component: lazyRouteComponent(() => import("./pages/Messages"), "Messages"),
  }),
  createRoute({
    ...parent,
    path: "/templates",
    component: lazyRouteComponent(() => import("./pages/Templates"), "Templates"),
  }),
  createRoute({
    ...parent,
    path: "/templates/$name",
    validateSearch: texts("view", "who", "person", "version", "compare"),
    component: lazyRouteComponent(() => import("./pages/Template"), "Template"),
  }),
  createRoute({
    ...parent,
    path: "/forms",
    component: lazyRouteComponent(() => import("./pages/Forms"), "Forms"),
  }),
  createRoute({
    ...parent,
    path: "/forms/$name",
    validateSearch: texts("before"),
    component: lazyRouteComponent(() => import("./pages/Form"), "Form"),
  }),
  createRoute({
    ...parent,
    path: "/models",
    component: lazyRouteComponent(() => import("./pages/Models"), "Models"),
  }),
  createRoute({
    ...parent,
    path: "/models/$model",
    component: lazyRouteComponent(() => import("./pages/Model"), "Model"),
  }),
  createRoute({
    ...parent,
    path: "/sources",
    component: lazyRouteComponent(() => import("./pages/Sources"), "Sources"),
  }),
  createRoute({
    ...parent,
    path: "/sources/$name",
    component: lazyRouteComponent(() => import("./pages/Source"), "Source"),
  }),
  createRoute({
    ...parent,
    path: "/quality",
    component: lazyRouteComponent(() => import("./pages/Quality"), "Quality"),
  }),
  createRoute({
    ...parent,
    path: "/imports",
    component: lazyRouteComponent(() => import("./pages/Imports"), "Imports"),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: "intent",
  defaultErrorComponent: Crash,
  scrollRestoration: true,
  // All state is text, so the address stays readable: ?search=123, not ?search=%22123%22.
  parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search) => {
    const filled = Object.entries(search).filter(([, text]) => text !== undefined && text !== "");
    const query = new URLSearchParams(filled.map(([key, text]) => [key, String(text)])).toString();
    return query && `?${query}`;
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
