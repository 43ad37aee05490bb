// Numbers that count people open the people they count.
import { count } from "../format";
import { TextLink } from "./Links";

export function SegmentCount({ name, shown }: { name: string; shown: number | null }) {
  return (
    <TextLink to="/people" search={{ segment: name }} c="inherit" className="figures" aria-label={`${count(shown)} people in ${name}`}>
      {count(shown)}
    </TextLink>
  );
}

export function CampaignCount({ campaign, shown, ...which }: {
  campaign: string;
  shown: number;
  state?: string;
  arm?: string;
  reason?: string;
}) {
  const what = which.reason ?? which.state ?? which.arm ?? "planned";
  return (
    <TextLink to="/messages" search={{ campaign, ...which }} c="inherit" className="figures" aria-label={`${count(shown)} ${what} in ${campaign}`}>
      {count(shown)}
    </TextLink>
  );
}
