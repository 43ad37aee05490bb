// The workspace's currency and time zone, which every page formats with.
import { useQuery } from "@tanstack/react-query";
import { overviewQuery } from "../api";

export function useWorkspace() {
  const { data } = useQuery({ ...overviewQuery, staleTime: 60_000 });
  return { name: data?.workspace, currency: data?.currency ?? null, timezone: data?.timezone ?? "UTC" };
}
