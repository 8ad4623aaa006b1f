import Database from "better-sqlite3";
import { createHash, randomBytes } from "node:crypto";
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

function idOf(req) {
  const header = req.headers.cookie ?? "";
  const at = header.indexOf("floor=");
  return at === -1 ? undefined : header.slice(at + 6, at + 38);
}

const newId = () => randomBytes(24).toString("base64url");
const keyOf = (id) => createHash("sha256").update(id).digest("hex");

async function respond(engine, req, res) {
  const act = req.url === "/e" ? bind : ACTIONS[req.url];
  if (act === undefined) return res.end("ok");
  const former = idOf(req);
  const found = former === undefined ? undefined : await engine.get(keyOf(former));
  const data = JSON.parse(found ?? "{}");
  const body = act(data);
  const id = req.url === "/e" ? newId() : (former ?? newId());
  if (req.url !== "/c") await engine.set(keyOf(id), JSON.stringify(data));
  if (req.url === "/e" && found !== undefined) await engine.set(keyOf(former), "{}");
  if (id !== former) res.setHeader("Set-Cookie", `floor=${id}; HttpOnly; SameSite=Lax; Path=/; Max-Age=${AGE_SECONDS}`);
  res.setHeader("Vary", "Cookie");
  res.setHeader("Cache-Control", "private, no-store");
  return res.end(body);
}

const on = {
  http: (engine) => createServer((req, res) => void respond(engine, req, res)),
};

/** `floor-<framework>-<store>`. */
export const floor = Object.fromEntries(
  Object.entries(on).flatMap(([framework, make]) =>
    Object.entries(engines).map(([store, open]) => [
      `floor-${framework}-${store}`,
      { framework, start: async (urls) => make(await open(urls)) },
    ]),
  ),
);
