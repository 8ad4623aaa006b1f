import fastifyCookie from "@fastify/cookie";
import fastifySecureSession from "@fastify/secure-session";
import fastifySession from "@fastify/session";
import mgcSession from "@mgcrea/fastify-session";
import { RedisStore as MgcRedisStore } from "@mgcrea/fastify-session-redis-store";
import Database from "better-sqlite3";
import sqliteStore from "better-sqlite3-session-store";
import pgSimple from "connect-pg-simple";
import { RedisStore } from "connect-redis";
import cookieSession from "cookie-session";
import express from "express";
import expressSession from "express-session";
import fastify from "fastify";
import { getSession as getH3Session, H3, updateSession } from "h3";
import { useSession as useHonoSession } from "@hono/session";
import { Hono } from "hono";
import { CookieStore, MemoryStore, sessionMiddleware } from "hono-sessions";
import { getIronSession } from "iron-session";
import Koa from "koa";
import koaSession from "koa-session";
import { createServer } from "node:http";
import { clients } from "./clients.mjs";
import { ACTIONS, bind } from "./data.mjs";

const SECRET = "benchmark-secret-of-32-characters-or-more";
const DAY_MS = 86_400_000;

function onExpress(middleware, login) {
  const app = express().use(middleware);
  for (const [path, act] of Object.entries(ACTIONS)) app.get(path, (req, res) => res.end(act(req.session)));
  return app.get("/e", login).use((_req, res) => res.end("ok"));
}

export const es = (store) =>
  onExpress(
    expressSession({ secret: SECRET, resave: false, saveUninitialized: false, cookie: { maxAge: DAY_MS }, store }),
    (req, res, next) => {
      req.session.regenerate((error) => (error ? next(error) : res.end(bind(req.session))));
    },
  );

/** The usual store of express-session for each engine, over a client of it. */
export const esStores = {
  memory: () => new expressSession.MemoryStore(),
  redis: (client) => new RedisStore({ client }),
  postgres: (pool) => new (pgSimple(expressSession))({ pool, createTableIfMissing: true }),
  sqlite: (client) => new (sqliteStore(expressSession))({ client }),
};

/** Values through `get` and `set`, as some libraries have them. */
const through = (session) =>
  new Proxy(session, {
    get: (target, key) => target.get(key),
    set(target, key, value) {
      target.set(key, value);
      return true;
    },
  });

function onFastify(register, login, data = (session) => session) {
  const app = fastify();
  register(app);
  for (const [path, act] of Object.entries(ACTIONS)) app.get(path, async (request) => act(data(request.session)));
  app.get("/e", async (request) => {
    await login?.(request.session);
    return bind(data(request.session));
  });
  app.get("/*", (_request, reply) => reply.send("ok"));
  return app;
}

const fs = (store) =>
  onFastify(
    (app) => {
      app.register(fastifyCookie);
      app.register(fastifySession, {
        secret: SECRET,
        saveUninitialized: false,
        rolling: false,
        cookie: { secure: false, maxAge: DAY_MS },
        ...(store && { store }),
      });
    },
    (session) => session.regenerate(),
  );

const mgc = (store) =>
  onFastify(
    (app) => {
      app.register(fastifyCookie);
      app.register(mgcSession, {
        secret: SECRET,
        cookie: { maxAge: DAY_MS / 1000 },
        saveUninitialized: false,
        ...(store && { store }),
      });
    },
    undefined,
    through,
  );

const honoOf = (store, options) => {
  const session = (c) => through(c.get("session"));
  return new Hono()
    .use(
      sessionMiddleware({
        store,
        encryptionKey: SECRET,
        expireAfterSeconds: DAY_MS / 1000,
        cookieOptions: { httpOnly: true, path: "/" },
        ...options,
      }),
    )
    .get("/e", (c) => {
      c.set("session_key_rotation", true);
      return c.text(bind(session(c)));
    })
    .get("/*", (c) => c.text(ACTIONS[c.req.path]?.(session(c)) ?? "ok"));
};

/** A session whose data is given as a whole and taken as a whole. */
async function acted(path, get, update) {
  const act = path === "/e" ? bind : ACTIONS[path];
  if (act === undefined) return "ok";
  const data = structuredClone(await get());
  const text = act(data);
  if (act !== ACTIONS["/c"]) await update(data);
  return text;
}

const honoJwe = () =>
  new Hono().use(useHonoSession({ secret: "0".repeat(64), duration: { absolute: DAY_MS / 1000 } })).get("/*", async (c) => {
    const { session } = c.var;
    const get = async () => (await session.get()) ?? {};
    return c.text(await acted(c.req.path, get, (data) => session.update(data)));
  });

const h3App = () => {
  const config = { password: SECRET, cookie: { secure: false }, maxAge: DAY_MS / 1000 };
  return new H3().get("/**", (event) => {
    const get = async () => (await getH3Session(event, config)).data;
    return acted(event.url.pathname, get, (data) => updateSession(event, config, data));
  });
};

const koaOf = (options) => {
  const app = new Koa();
  app.keys = [SECRET];
  return app.use(koaSession({ maxAge: DAY_MS, ...options }, app)).use((ctx) => {
    ctx.body = (ctx.path === "/e" ? bind : ACTIONS[ctx.path])?.(ctx.session) ?? "ok";
  });
};

async function onIron(req, res) {
  const act = req.url === "/e" ? bind : ACTIONS[req.url];
  if (act === undefined) return res.end("ok");
  const options = { password: SECRET, cookieName: "iron", cookieOptions: { secure: false } };
  const session = await getIronSession(req, res, options);
  const body = act(session);
  if (req.url !== "/c") await session.save();
  return res.end(body);
}

/** The libraries that are compared, each as its documentation has it. */
export const peers = {
  "express-session-memory": { framework: "express", start: async () => es(esStores.memory()) },
  "express-session-redis": {
    framework: "express",
    start: async (urls) => es(esStores.redis(await clients.nodeRedis(urls))),
  },
  "express-session-postgres": { framework: "express", start: async (urls) => es(esStores.postgres(clients.pool(urls))) },
  "express-session-sqlite": {
    framework: "express",
    async start({ sqlite }) {
      const client = new Database(`${sqlite}-es`);
      client.pragma("journal_mode = WAL");
      client.pragma("synchronous = NORMAL");
      return es(esStores.sqlite(client));
    },
  },
  "cookie-session": {
    framework: "express",
    start: async () =>
      onExpress(cookieSession({ keys: [SECRET], maxAge: DAY_MS }), (req, res) => res.end(bind(req.session))),
  },
  "fastify-session-memory": { framework: "fastify", start: async () => fs() },
  "fastify-session-redis": {
    framework: "fastify",
    start: async (urls) => fs(new RedisStore({ client: await clients.nodeRedis(urls) })),
  },
  "mgcrea-session-memory": { framework: "fastify", start: async () => mgc() },
  "mgcrea-session-redis": {
    framework: "fastify",
    start: async (urls) => mgc(new MgcRedisStore({ client: clients.ioredis(urls), ttl: DAY_MS / 1000 })),
  },
  "secure-session": {
    framework: "fastify",
    start: async () =>
      onFastify(
        (app) =>
          app.register(fastifySecureSession, { key: Buffer.alloc(32, SECRET), cookie: { path: "/", httpOnly: true } }),
        (session) => session.regenerate(),
        through,
      ),
  },
  "hono-sessions-memory": { framework: "hono", start: async () => honoOf(new MemoryStore()) },
  "hono-session-jwe": { framework: "hono", start: async () => honoJwe() },
  "h3-sessions": { framework: "h3", start: async () => h3App() },
  "hono-sessions-cookie": { framework: "hono", start: async () => honoOf(new CookieStore()) },
  "koa-session-cookie": { framework: "koa", start: async () => koaOf({}) },
  "iron-session": {
    framework: "http",
    start: async () => createServer((req, res) => void onIron(req, res).catch(() => res.writeHead(500).end())),
  },
};
