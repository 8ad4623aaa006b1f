import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { createServer } from "node:http";
import { expressSession } from "../../dist/adapters/express.js";
import { fastifySession } from "../../dist/adapters/fastify.js";
import { honoSession } from "../../dist/adapters/hono.js";
import { koaSession } from "../../dist/adapters/koa.js";
import { nodeSession } from "../../dist/adapters/node.js";
import { createSessions } from "../../dist/index.js";
import { redisStore } from "../../dist/stores/redis.js";
import { ACTIONS, count } from "./data.mjs";
import { clients } from "./clients.mjs";

/** This library as its users install it: built, its store named by a URL, with its defaults, but for https. */
const sessionsOn = (store, urls) => {
  const options = { cookie: { secure: false } };
  if (store === "memory") return createSessions({ ...options, store: "memory:" });
  if (store === "cookie") return createSessions({ ...options, store: "cookie:" });
  if (store === "sqlite") return createSessions({ ...options, store: `sqlite:${urls.sqlite}` });
  if (store === "ioredis") return createSessions({ ...options, store: redisStore({ client: clients.ioredis(urls) }) });
  if (store === "near-redis") return createSessions({ ...options, store: `near:${urls.redis}` });
  return createSessions({ ...options, store: urls[store] });
};

/** What a path does, for whatever carries the session; undefined for a page that needs none. */
const actor = (sessions) => (path, carrier) => {
  const act = ACTIONS[path];
  if (act !== undefined) return onData(sessions.of(carrier), act);
  if (path === "/u") return sessions.of(carrier).update(count);
  return path === "/e" ? login(sessions.of(carrier)) : undefined;
};

/** What routers have to know. */
const PATHS = [...Object.keys(ACTIONS), "/e", "/u"];

const onData = async (session, act) => act(await session.load());

async function login(session) {
  await session.login("ada");
  return count(await session.load());
}

/** An application of each framework. */
export const on = {
  http(sessions) {
    const act = actor(sessions);
    return createServer(nodeSession(sessions).wrap(async (req, res) => res.end((await act(req.url, req)) ?? "ok")));
  },
  express(sessions) {
    const act = actor(sessions);
    const app = express().use(expressSession(sessions));
    for (const path of PATHS) app.get(path, async (req, res) => res.end(await act(path, req)));
    return app.use((_req, res) => res.end("ok"));
  },
  fastify(sessions) {
    const act = actor(sessions);
    const app = fastify().register(fastifySession(sessions));
    for (const path of PATHS) app.get(path, (request) => act(path, request));
    return app.get("/*", (_request, reply) => reply.send("ok"));
  },
  koa(sessions) {
    const act = actor(sessions);
    return new Koa().use(koaSession(sessions)).use(async (ctx) => {
      ctx.body = (await act(ctx.path, ctx)) ?? "ok";
    });
  },
  hono(sessions) {
    const act = actor(sessions);
    return new Hono().use(honoSession(sessions)).get("/*", async (c) => c.text((await act(c.req.path, c)) ?? "ok"));
  },
};

const STORES = {
  http: ["memory", "sqlite", "redis", "near-redis", "ioredis", "postgres", "cookie"],
  express: ["memory", "sqlite", "redis", "postgres", "cookie"],
  fastify: ["memory", "redis", "ioredis", "cookie"],
  koa: ["memory", "cookie"],
  hono: ["memory", "cookie"],
};

/** `sojourn-<framework>-<store>`. */
export const sojourn = Object.fromEntries(
  Object.entries(on).flatMap(([framework, make]) =>
    STORES[framework].map((store) => [
      `sojourn-${framework}-${store}`,
      { framework, start: async (urls) => make(sessionsOn(store, urls)) },
    ]),
  ),
);
