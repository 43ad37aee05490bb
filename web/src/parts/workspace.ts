// The workspace's currency and time zone, which every page formats with.
import { useQuery } from "@tanstack/react-query";
import { ApiError, overviewQuery } from "../api";

export function useWorkspace() {
  const { data, error } = useQuery({ ...overviewQuery, staleTime: 60_000 });
  const refused = error instanceof ApiError && error.kind === "privacy" ? error : null;
  return { refused, name: data?.workspace, currency: data?.currency ?? null, timezone: data?.timezone ?? "UTC" };
}
