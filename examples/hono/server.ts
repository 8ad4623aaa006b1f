// node --conditions=sojourn:source examples/hono/server.ts
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { createSessions } from "sojourn";
import { honoSession, type SessionEnv } from "sojourn/hono";

interface Visit {
  count?: number;
}

// Over plain http on loopback, and only there, the cookie does without `Secure`.
const sessions = createSessions<Visit>({ cookie: { secure: false } });

const app = new Hono<SessionEnv<Visit>>();
app.use(honoSession(sessions));

app.get("/", async (c) => {
  const count = await c.get("session").update((visit) => (visit.count = (visit.count ?? 0) + 1));
  return c.text(count === 1 ? "No count in session. Setting to 1" : `new count=${count}`);
});

const port = Number(process.env["PORT"] ?? 3000);
serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, (address) => {
  console.log(`http://127.0.0.1:${address.port}`);
});
