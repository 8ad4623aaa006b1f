// node --conditions=sojourn:source examples/koa/server.ts
import type { AddressInfo } from "node:net";
import Koa from "koa";
import { createSessions } from "sojourn";
import { koaSession } from "sojourn/koa";

interface Visit {
  count?: number;
}

// Over plain http on loopback, and only there, the cookie does without `Secure`.
const sessions = createSessions<Visit>({ cookie: { secure: false } });

const app = new Koa();
app.use(koaSession(sessions));

app.use(async (ctx) => {
  const count = await sessions.of(ctx).update((visit) => (visit.count = (visit.count ?? 0) + 1));
  ctx.body = count === 1 ? "No count in session. Setting to 1" : `new count=${count}`;
});

const server = app.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
