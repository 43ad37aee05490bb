// How numbers and instants look. The reader's language, the workspace's currency and time zone.
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(undefined, { maximumFractionDigits: 3 });
const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

export const count = (value: number | null) => (value === null ? "–" : whole.format(value));
export const people = (value: number) => `${whole.format(value)} ${value === 1 ? "person" : "people"}`;
/** A name from a definition as words: no_consent reads no consent. */
export const words = (name: string) => name.replaceAll("_", " ");
export const number = (value: number) => short.format(value);
export const rate = (value: number | null) => (value === null ? "–" : percent.format(value));
/** How sure it is: never rounded up to a certainty. */
export const chance = (value: number | null) => (value !== null && value > 0.999 ? `over ${percent.format(0.999)}` : rate(value));
/** A probability from which something begins. */
export const least = (value: number) => `${short.format(value * 100)}%`;
export const pairs = (value: number) => `${whole.format(value)} ${value === 1 ? "pair" : "pairs"}`;
/** A share on an axis or a level of confidence: no decimals. */
export const share = (value: number) => `${whole.format(value * 100)}%`;
/** The difference of two rates. */
export const points = (value: number) => `${short.format(Math.round(value * 1000) / 10)} points`;
export const signed = (value: number, show: (value: number) => string) => (value > 0 ? "+" : "") + show(value);

export function money(value: number | null, currency: string | null): string {
  if (value === null) return "–";
  const digits = Math.abs(value) >= 1000 ? 0 : 2;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  if (!currency) return new Intl.NumberFormat(undefined, options).format(value);
  return new Intl.NumberFormat(undefined, { style: "currency", currency, ...options }).format(value);
}

/** Money on an axis: no cents. */
export const cash = (value: number, currency: string | null) =>
  new Intl.NumberFormat(undefined, { ...(currency ? { style: "currency", currency } : {}), maximumFractionDigits: 0 }).format(value);

/** Without an offset it is UTC, as everywhere in the product. */
const moment = (at: string) => new Date(/(Z|[+-]\d\d:\d\d)$/.test(at) ? at : `${at}Z`);

export const instant = (at: string, timeZone: string) =>
  new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", timeZone }).format(moment(at));

export const day = (at: string, timeZone: string) =>
  new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone }).format(moment(at));

export const weekday = (at: string, timeZone: string) =>
  new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone }).format(
    moment(at),
  );

export const clock = (at: string, timeZone: string) =>
  new Intl.DateTimeFormat(undefined, { timeStyle: "short", timeZone }).format(moment(at));

/** A local date such as 2026-03-02, which belongs to no time zone. */
export const localDay = (on: string) =>
  new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(`${on}T00:00Z`));

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
export function since(at: string): string {
  const seconds = (moment(at).getTime() - Date.now()) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return ago.format(Math.trunc(seconds / length), unit);
  }
  return "just now";
}

/** A feature or trait as the person's page shows it: instants as dates, nothing as a dash. */
export function value(shown: unknown, timeZone: string): string {
  if (shown === null || shown === undefined || shown === "") return "–";
  if (typeof shown === "number") return number(shown);
  if (typeof shown === "boolean") return shown ? "yes" : "no";
  if (typeof shown === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?$/.test(shown)) return instant(shown, timeZone);
  return typeof shown === "string" ? shown : JSON.stringify(shown);
}
