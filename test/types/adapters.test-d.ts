// Compiled, never run: every line that is marked as an error has to be one.
import { createServer } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import type { Session, Sessions } from "sojourn";
import { expressSession } from "sojourn/express";
import type { SessionData as ExpressData } from "sojourn/express/augment";
import { fastifySession } from "sojourn/fastify";
import type { SessionData as FastifyData } from "sojourn/fastify/augment";
import { fetchSession } from "sojourn/fetch";
import { honoSession, type SessionEnv } from "sojourn/hono";
import { koaSession } from "sojourn/koa";
import type { SessionData as KoaData } from "sojourn/koa/augment";
import { nodeSession } from "sojourn/node";

interface Visit {
  count?: number;
  name?: string;
}

declare module "sojourn/express/augment" {
  interface SessionData extends Visit {}
}
declare module "sojourn/fastify/augment" {
  interface SessionData extends Visit {}
}
declare module "sojourn/koa/augment" {
  interface SessionData extends Visit {}
}

declare const sessions: Sessions<Visit>;
declare const merged: readonly [ExpressData, FastifyData, KoaData];
const visits: readonly Visit[] = merged;
void visits;

async function isVisit(session: { load(): Promise<Visit> }): Promise<void> {
  const visit = await session.load();
  const count: number | undefined = visit.count;
  void count;
  // @ts-expect-error a visit has no such key
  void visit.other;
}

express()
  .use(expressSession(sessions))
  .use(expressSession(sessions, { property: "visit" }), expressSession(sessions, { property: false }))
  .get("/", async (req, res) => {
    await isVisit(req.session);
    await isVisit(sessions.of(req));
    req.session.set("count", 1);
    // @ts-expect-error a count is a number
    req.session.set("count", "1");
    // @ts-expect-error a visit has no such key
    void req.session.data.other;
    res.send(await req.session.update((visit) => (visit.count = (visit.count ?? 0) + 1)));
  });
// @ts-expect-error an option that Express has itself
expressSession(sessions, { trustProxy: true });

const app = fastify();
app.register(fastifySession(sessions));
app.get("/", async (request) => {
  await isVisit(request.session);
  await isVisit(sessions.of(request));
  // @ts-expect-error a visit has no such key
  void request.session.data.other;
});

new Koa().use(koaSession(sessions)).use(async (ctx) => {
  await isVisit(ctx.session);
  await isVisit(sessions.of(ctx));
  // @ts-expect-error a visit has no such key
  void ctx.session.data.other;
});

new Hono<SessionEnv<Visit>>().use(honoSession(sessions)).get("/", async (c) => {
  const session: Session<Visit> = c.get("session");
  await isVisit(session);
  await isVisit(c.var.session);
  // @ts-expect-error there is no such variable
  c.get("visit");
  return c.text("");
});
new Hono().use(honoSession(sessions, { property: "visit" })).get("/", async (c) => {
  await isVisit(c.get("visit"));
  // @ts-expect-error the variable has another name
  c.get("session");
  return c.text("");
});

createServer(nodeSession(sessions).wrap((_req, res) => res.end()));
createSecureServer(nodeSession(sessions).wrap((_req: Http2ServerRequest, res: Http2ServerResponse) => res.stream.respond()));
createServer((req, res) => {
  void nodeSession(sessions, { trustProxy: true })(req, res, () => res.end());
});

const plain: (request: Request) => Promise<Response> = fetchSession(sessions, async (_request, session) => {
  await isVisit(session);
  return new Response();
});
void plain;
const worker = fetchSession(sessions, (_request, _session, env: { readonly name: string }, ctx: { waitUntil(): void }) => {
  ctx.waitUntil();
  return new Response(env.name);
});
void worker(new Request("https://example.com"), { name: "env" }, { waitUntil() {} });
// @ts-expect-error the further arguments are the handler's
void worker(new Request("https://example.com"), { name: 1 }, { waitUntil() {} });
// @ts-expect-error a handler gives a response
fetchSession(sessions, () => "words");
