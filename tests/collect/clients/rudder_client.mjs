// Sends one call of each kind with @rudderstack/rudder-sdk-node: HOST WRITE_KEY RETRIES.
import RudderAnalytics from "@rudderstack/rudder-sdk-node";

const [host, writeKey] = process.argv.slice(2);
const failed = [];
const client = new RudderAnalytics(writeKey, {
  dataPlaneUrl: host,
  errorHandler: (error) => failed.push(error),
});
client.identify({ userId: "u-1", anonymousId: "a-1", traits: { email: "a@shop.example", plan: "pro" } });
client.track({ userId: "u-1", event: "Order Completed", properties: { order_id: "o-1", total: 42.5 } });
client.track({ userId: "u-1", event: "Past", properties: { n: 2 }, originalTimestamp: new Date("2024-05-06T07:08:09Z") });
client.track({ userId: "12345", event: "Numeric", properties: { n: 3 } });
client.track({ userId: "u-1", event: "Odd", properties: { x: NaN, nul: "a\0b", half: "\ud800", big: 2 ** 80 } });
client.page({ userId: "u-1", category: "Docs", name: "Python", properties: { url: "https://shop.example/a" } });
client.screen({ userId: "u-1", category: "Home", name: "Start" });
client.group({ userId: "u-1", groupId: "g-1", traits: { name: "Acme" } });
client.alias({ userId: "u-1", previousId: "a-1" });
await client.flush();
// What was under way before the flush.
await new Promise((done) => setTimeout(done, 500));
for (const error of failed) console.log(error);
process.exit(failed.length ? 1 : 0);
