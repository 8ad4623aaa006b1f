// node --conditions=sojourn:source examples/fastify/server.ts
import { fastify } from "fastify";
import { createSessions } from "sojourn";
import { fastifySession } from "sojourn/fastify";

interface Visit {
  count?: number;
}

// Over plain http on loopback, and only there, the cookie does without `Secure`.
const sessions = createSessions<Visit>({ cookie: { secure: false } });

const app = fastify();
await app.register(fastifySession(sessions));

app.get("/", async (request) => {
  const count = await sessions.of(request).update((visit) => (visit.count = (visit.count ?? 0) + 1));
  return count === 1 ? "No count in session. Setting to 1" : `new count=${count}`;
});

console.log(await app.listen({ port: Number(process.env["PORT"] ?? 3000), host: "127.0.0.1" }));
