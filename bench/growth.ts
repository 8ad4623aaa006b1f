// node --conditions=sojourn:source bench/growth.ts [--largest EXPONENT --only REGEXP --engines REGEXP --rounds N --slice-ms N
// --shared-buffers SIZE --pragma TEXT]: what a call costs as the store fills up, as sessions get larger, and as more requests write one
// session at once.
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Pool } from "pg";
import { isStateless, type SessionStore } from "../src/core/store.ts";
import { memoryStore } from "../src/stores/memory.ts";
import { storeFromUrl } from "../src/store-url.ts";
import { startPostgres } from "../test/servers/postgres.ts";
import { startRedis } from "../test/servers/redis.ts";
import { measureContention } from "./growth/contention.ts";
import { measurePayloads } from "./growth/payloads.ts";
import { measureGrowth } from "./growth/populations.ts";
import { must, numberOf } from "./measure.ts";
import { publish } from "./publish.mjs";

// PostgreSQL has these shared buffers when nothing is said. The pragma is SQLite's, as in `mmap_size = 2147418112`; default none.
const DEFAULTS = { largest: "6", rounds: "15", "slice-ms": "60", "shared-buffers": "128MB", pragma: "" };
/** A session's bytes on disk, generously: its row, its indexes, and a log of it. */
const DISK_BYTES = 2000;

const { values } = parseArgs({
  options: {
    largest: { type: "string", default: DEFAULTS.largest },
    only: { type: "string", default: "." },
    engines: { type: "string", default: "." },
    rounds: { type: "string", default: DEFAULTS.rounds },
    "slice-ms": { type: "string", default: DEFAULTS["slice-ms"] },
    "shared-buffers": { type: "string", default: DEFAULTS["shared-buffers"] },
    pragma: { type: "string", default: DEFAULTS.pragma },
  },
});
const largest = Math.floor(numberOf(values.largest, 3));
const rounds = Math.floor(numberOf(values.rounds, 1));
const sliceMs = numberOf(values["slice-ms"], 1);
const sizes = Array.from({ length: largest - 2 }, (_, at) => 10 ** (at + 3));

function open(url: string): SessionStore {
  const store = storeFromUrl(url);
  if (isStateless(store)) throw new TypeError("A cookie store holds nothing");
  return store;
}

const asked = (name: string): boolean => new RegExp(values.engines).test(name);
const folder = mkdtempSync(join(tmpdir(), "sojourn-growth-"));
const postgres = await startPostgres({ durable: true, settings: [`shared_buffers=${values["shared-buffers"]}`] });
const redis = await startRedis();
const pool = new Pool({ connectionString: postgres.url });
try {
  const { bavail, bsize } = statfsSync(folder);
  const onDisk = ["SQLite", "PostgreSQL"].filter(asked).length;
  const needed = sizes.reduce((sum, count) => sum + count, 0) * DISK_BYTES * onDisk;
  must(bavail * bsize > needed, `${folder} lacks room: ${Math.ceil(needed / 1e9)} GB are needed`);
  const memory = memoryStore();
  const all = {
    memory: () => memory,
    SQLite: () => open(`sqlite:${join(folder, "shared.db")}`),
    PostgreSQL: () => open(postgres.url),
    Redis: () => open(redis.url),
  };
  const openers = Object.fromEntries(Object.entries(all).filter(([name]) => asked(name)));
  const parts = {
    growth: {
      heading: `Stored sessions, to 10^${largest}`,
      words:
        `The time of a call on a session chosen at random, as a multiple of the time with 10^3 stored sessions of about 200 bytes: the median ` +
        `of ${rounds} rounds, and the lowest and highest. Half of the sessions belong to users of five. All sizes take turns in each round. ` +
        `A save comes without the load that precedes it in a request. "Bare" is one statement by the key, past the store, on the same connections: ` +
        `what the engine itself takes more of a large table. PostgreSQL flushes each commit to disk and has shared buffers of ` +
        `${values["shared-buffers"]}; SQLite is one process's, and set as the store sets it${values.pragma && `, with ${values.pragma}`}.`,
      measure: () => measureGrowth({ folder, pool, sizes, rounds, sliceMs, asked, pragma: values.pragma }),
    },
    payload: {
      heading: "The size of a session",
      words: `Text that cannot be compressed, stored and loaded one call after the other, without the codec.`,
      measure: async () => {
        const stores = Object.fromEntries(Object.entries(openers).map(([name, opener]) => [name, opener()]));
        const found = await measurePayloads({ stores, rounds, sliceMs: sliceMs / 2 });
        for (const [name, store] of Object.entries(stores)) if (name !== "memory") await store.close?.();
        return found;
      },
    },
    updates: {
      heading: "Updates of one session at once",
      words:
        "`update()` that adds one, so many at once; none was lost. The time of one increment as a multiple of that of one alone, then the time " +
        "until all are stored, and how often an increment had to be tried again. One writer is one process, whose requests queue; four have " +
        "a queue and connections each, as four processes have, and meet in the store.",
      measure: () => measureContention({ stores: openers, rounds: Math.ceil(rounds / 2) }),
    },
  };
  const texts: string[] = [];
  const figures: Record<string, object> = {};
  for (const [name, { heading, words, measure }] of Object.entries(parts)) {
    if (!new RegExp(values.only).test(name)) continue;
    const found = await measure();
    texts.push(`### ${heading}\n\n${words}\n\n${found.markdown}`);
    figures[name] = found.figures;
  }
  const markdown = texts.join("\n\n");
  process.stdout.write(`${markdown}\n`);
  const plain = (["shared-buffers", "pragma"] as const).every((name) => values[name] === DEFAULTS[name]);
  const whole = plain && values.only === "." && values.engines === ".";
  if (
    whole &&
    largest >= Number(DEFAULTS.largest) &&
    rounds >= Number(DEFAULTS.rounds) &&
    sliceMs >= Number(DEFAULTS["slice-ms"])
  ) {
    publish("growth", { title: "Growth: stored sessions, their size, and writers at once", markdown, figures });
  }
} finally {
  await pool.end();
  await Promise.all([postgres.stop(), redis.stop()]);
  rmSync(folder, { recursive: true, force: true });
}
