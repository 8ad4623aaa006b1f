import Database from "better-sqlite3";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { createCipheriv, createDecipheriv, createHash, createSecretKey, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { clients } from "./clients.mjs";
import { ACTIONS, bind } from "./data.mjs";

const AGE_SECONDS = 1_209_600;

/** Hand-written: reads a text by its key and writes one back, with the same driver, and promises nothing else. */
const engines = {
  memory() {
    const map = new Map();
    return { get: async (key) => map.get(key), set: async (key, text) => void map.set(key, text) };
  },
  sqlite({ sqlite }) {
    const database = new Database(sqlite);
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    database.exec(
      "CREATE TABLE IF NOT EXISTS floor (key TEXT PRIMARY KEY, data TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID",
    );
    const select = database.prepare("SELECT data FROM floor WHERE key = ?");
    const insert = database.prepare(
      "INSERT INTO floor VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET data = excluded.data, expires = excluded.expires",
    );
    return { get: async (key) => select.get(key)?.data, set: async (key, text) => void insert.run(key, text, Date.now()) };
  },
  async redis(urls) {
    const client = await clients.nodeRedis(urls);
    return {
      get: (key) => client.get(`floor:${key}`),
      set: (key, text) => client.set(`floor:${key}`, text, { expiration: { type: "EX", value: AGE_SECONDS } }),
    };
  },
  async ioredis(urls) {
    const client = clients.ioredis(urls);
    return {
      get: (key) => client.get(`floor:${key}`),
      set: (key, text) => client.set(`floor:${key}`, text, "EX", AGE_SECONDS),
    };
  },
  async postgres(urls) {
    const pool = clients.pool(urls);
    await pool.query("CREATE TABLE IF NOT EXISTS floor (key text PRIMARY KEY, data text NOT NULL, expires bigint NOT NULL)");
    const select = "SELECT data FROM floor WHERE key = $1";
    const upsert =
      "INSERT INTO floor VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE SET data = excluded.data, expires = excluded.expires";
    return {
      get: async (key) => (await pool.query({ name: "get", text: select, values: [key] })).rows[0]?.data,
      set: (key, text) => pool.query({ name: "set", text: upsert, values: [key, text, Date.now()] }),
    };
  },
};

const newId = () => randomBytes(24).toString("base64url");
const keyOf = (id) => createHash("sha256").update(id).digest("hex");
const attributes = `; HttpOnly; SameSite=Lax; Path=/; Max-Age=${AGE_SECONDS}`;

function cookieIn(header = "") {
  const at = header.indexOf("floor=");
  if (at === -1) return undefined;
  const end = header.indexOf(";", at);
  return header.slice(at + 6, end === -1 ? undefined : end);
}

/** What a path answers, and the cookie to set; the text is in the engine, under an id that the cookie holds. */
const stateful = (engine) => async (path, header) => {
  const act = path === "/e" ? bind : ACTIONS[path];
  if (act === undefined) return undefined;
  const former = cookieIn(header);
  const found = former === undefined ? undefined : await engine.get(keyOf(former));
  const data = JSON.parse(found ?? "{}");
  const body = act(data);
  const id = path === "/e" ? newId() : (former ?? newId());
  if (path !== "/c") await engine.set(keyOf(id), JSON.stringify(data));
  if (path === "/e" && found !== undefined) await engine.set(keyOf(former), "{}");
  return { body, cookie: id === former ? undefined : `floor=${id}${attributes}` };
};

/** The same with the text in the cookie, sealed under one key. */
const stateless = () => {
  const key = createSecretKey(randomBytes(32));
  const seal = (text) => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", key, nonce);
    return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64url");
  };
  const open = (sealed) => {
    const bytes = Buffer.from(sealed, "base64url");
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(-16));
    return decipher.update(bytes.subarray(12, -16), undefined, "utf8") + decipher.final("utf8");
  };
  return async (path, header) => {
    const act = path === "/e" ? bind : ACTIONS[path];
    if (act === undefined) return undefined;
    const sent = cookieIn(header);
    let data = {};
    try {
      if (sent !== undefined) data = JSON.parse(open(sent));
    } catch {
      // Not ours.
    }
    const body = act(data);
    return { body, cookie: path === "/c" ? undefined : `floor=${seal(JSON.stringify(data))}${attributes}` };
  };
};

const VARY = ["Vary", "Cookie"];
const CACHE = ["Cache-Control", "private, no-store"];

function* headersOf({ cookie }) {
  if (cookie !== undefined) yield ["Set-Cookie", cookie];
  yield VARY;
  yield CACHE;
}

async function respond(answer, req, res) {
  const found = await answer(req.url, req.headers.cookie);
  if (found === undefined) return res.end("ok");
  for (const [name, value] of headersOf(found)) res.setHeader(name, value);
  return res.end(found.body);
}

const on = {
  http: (answer) => createServer((req, res) => void respond(answer, req, res)),
  express: (answer) => express().use((req, res) => respond(answer, req, res)),
  fastify: (answer) =>
    fastify().get("/*", async (request, reply) => {
      const found = await answer(request.url, request.headers.cookie);
      if (found === undefined) return "ok";
      for (const [name, value] of headersOf(found)) reply.header(name, value);
      return found.body;
    }),
};

const STORES = {
  http: ["memory", "sqlite", "redis", "ioredis", "postgres", "cookie"],
  express: ["memory", "sqlite", "redis", "postgres"],
  fastify: ["memory", "ioredis", "cookie"],
};

const answering = async (store, urls) => (store === "cookie" ? stateless() : stateful(await engines[store](urls)));

/** A middleware that does nothing, where frameworks have such a thing: what it costs to be asked at all. */
const nothing = {
  express: () =>
    express()
      .use((_req, _res, next) => next())
      .use((_req, res) => res.end("ok")),
  fastify: () =>
    fastify()
      .addHook("onRequest", (_request, _reply, done) => done())
      .addHook("onSend", (_request, _reply, payload, done) => done(null, payload))
      .get("/*", (_request, reply) => reply.send("ok")),
  koa: () => new Koa().use((_ctx, next) => next()).use((ctx) => (ctx.body = "ok")),
  hono: () =>
    new Hono()
      .use(async (_c, next) => {
        await next();
      })
      .get("/*", (c) => c.text("ok")),
};

/** `floor-<framework>-<store>`, and `floor-<framework>-nothing`. */
export const floor = Object.fromEntries([
  ...Object.entries(on).flatMap(([framework, make]) =>
    STORES[framework].map((store) => [
      `floor-${framework}-${store}`,
      { framework, start: async (urls) => make(await answering(store, urls)) },
    ]),
  ),
  ...Object.entries(nothing).map(([framework, make]) => [`floor-${framework}-nothing`, { framework, start: make }]),
]);
