// A mail's HTML from its own address with its own policy, in a frame that may run no script and open
// no window: nothing in a template can touch this app.
import { useQuery } from "@tanstack/react-query";
import { messagePage, messagePageQuery } from "../api";
import { apiKey } from "../key";

export function MailFrame({ id, to, width }: { id: string; to: string; width: number | string }) {
  const page = useQuery(messagePageQuery(id));
  const content = apiKey() === null ? { src: messagePage(id) } : { srcDoc: page.data ?? "" };
  return (
    <iframe
      {...content} title={`Mail to ${to}`} sandbox="" referrerPolicy="no-referrer"
      style={{ display: "block", border: 0, width, maxWidth: "100%", height: 640, margin: "0 auto", background: "#fff" }}
    />
  );
}
