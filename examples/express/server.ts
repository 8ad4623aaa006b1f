// node --conditions=sojourn:source examples/express/server.ts
import type { AddressInfo } from "node:net";
import express from "express";
import { createSessions } from "sojourn";
import { expressSession } from "sojourn/express";

interface Visit {
  count?: number;
}

// Over plain http on loopback, and only there, the cookie does without `Secure`.
const sessions = createSessions<Visit>({ cookie: { secure: false } });

const app = express();
app.use(expressSession(sessions));

app.get("/", async (req, res) => {
  const count = await sessions.of(req).update((visit) => (visit.count = (visit.count ?? 0) + 1));
  res.send(count === 1 ? "No count in session. Setting to 1" : `new count=${count}`);
});

const server = app.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
