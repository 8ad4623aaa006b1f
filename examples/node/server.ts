// node --conditions=sojourn:source examples/node/server.ts
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createSessions } from "sojourn";
import { nodeSession } from "sojourn/node";

interface Visit {
  count?: number;
}

// Over plain http on loopback, and only there, the cookie does without `Secure`.
const sessions = createSessions<Visit>({ cookie: { secure: false } });

const server = createServer(
  nodeSession(sessions).wrap(async (req, res) => {
    const count = await sessions.of(req).update((visit) => (visit.count = (visit.count ?? 0) + 1));
    res.end(count === 1 ? "No count in session. Setting to 1" : `new count=${count}`);
  }),
);

server.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
