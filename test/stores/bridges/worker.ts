// One process of the tests with several: `worker.ts JSON`. It does what it is told, a line of JSON each, and answers with a line each.
import { createInterface } from "node:readline";
import type { SessionStore } from "../../../src/core/store.ts";
import { expressSessionStore, type ExpressSessionStoreLike } from "../../../src/stores/express-session.ts";
import { unstorageStore } from "../../../src/stores/unstorage.ts";
import { connectRedis, storageOnRedis } from "./targets.ts";

export interface WorkerArgs {
  readonly bridge: "express-session" | "unstorage";
  readonly port: number;
  readonly prefix: string;
}

/** Where the process stops until it is let go: before its next write under a key of this kind, and maybe again after it. */
export interface Hold {
  readonly when: "before" | "around";
  readonly kind: "s" | "e";
}

export interface Task {
  readonly verb: "load" | "create" | "save" | "touch" | "retire";
  readonly args: readonly unknown[];
  readonly hold?: Hold;
}

const { bridge, port, prefix } = JSON.parse(process.argv[2] ?? "{}") as WorkerArgs;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
let hold: Hold | undefined;

async function stop(): Promise<void> {
  say("held");
  await lines.next();
}

/** Does a write, and stops at it if this is the place. */
async function at(key: string, write: () => Promise<unknown>): Promise<unknown> {
  const here = hold;
  if (here === undefined || !key.startsWith(`${prefix}${here.kind}`)) return write();
  hold = undefined;
  await stop();
  const written = await write();
  if (here.when === "around") await stop();
  return written;
}

async function express(): Promise<SessionStore> {
  const { over } = await connectRedis(port);
  const store: ExpressSessionStoreLike = {
    get: (sid, callback) => over.get(sid, callback),
    set(sid, session, callback) {
      const write = () => over.set(sid, session as Parameters<typeof over.set>[1]);
      return at(sid, write).then(() => callback(), callback);
    },
    destroy: (sid, callback) => over.destroy(sid, callback),
  };
  return expressSessionStore({ store, prefix });
}

function unstorage(): SessionStore {
  const { over } = storageOnRedis(port);
  return unstorageStore({
    storage: {
      getItem: (key) => over.getItem(key),
      setItem: (key, value, options) => at(key, () => over.setItem(key, value, options)),
      removeItem: (key) => over.removeItem(key),
      getKeys: (base) => over.getKeys(base),
    },
    base: prefix.slice(0, -1),
  });
}

const store = bridge === "unstorage" ? unstorage() : await express();
say("ready");
for (;;) {
  const { value, done } = await lines.next();
  if (done === true) process.exit(0);
  const { verb, args, hold: place } = JSON.parse(value) as Task;
  hold = place;
  say(await (store[verb] as (...args: readonly unknown[]) => unknown)(...args));
}
