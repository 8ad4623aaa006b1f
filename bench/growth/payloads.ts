import { randomBytes } from "node:crypto";
import { handleOf, newSessionId, newVersion } from "../../src/core/id.ts";
import type { SessionRecord } from "../../src/core/record.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { must, progress, ratios, show, shuffled, spreadOf, table } from "../measure.ts";

const SIZES = { "100 B": 100, "1 KB": 1000, "10 KB": 10_000, "100 KB": 100_000, "1 MB": 1_000_000 } as const;
/** Sessions of each size, which are written in turn. */
const SESSIONS = 16;

/** How long it is measured. */
export interface PayloadPlan {
  readonly stores: Readonly<Record<string, SessionStore>>;
  readonly rounds: number;
  readonly sliceMs: number;
}

/** One store with sessions of one size. */
interface Subject {
  readonly store: SessionStore;
  readonly name: string;
  readonly size: keyof typeof SIZES;
  readonly records: SessionRecord[];
  readonly calls: { load: number; save: number };
  readonly times: { readonly load: number[]; readonly save: number[] };
}

/** Measures loading and saving sessions from 100 bytes to a megabyte. */
export async function measurePayloads({ stores, rounds, sliceMs }: PayloadPlan) {
  const subjects: Subject[] = [];
  for (const [name, store] of Object.entries(stores)) {
    for (const size of Object.keys(SIZES) as (keyof typeof SIZES)[]) {
      const records = Array.from({ length: SESSIONS }, () => newRecord(SIZES[size]));
      for (const record of records) await store.create(record);
      subjects.push({
        store,
        name,
        size,
        records,
        calls: { load: SESSIONS, save: SESSIONS },
        times: { load: [], save: [] },
      });
    }
  }
  for (let round = -1; round <= rounds; round++) {
    for (const verb of ["load", "save"] as const) {
      for (const subject of shuffled(subjects)) {
        const micros = await slice(subject, verb);
        // The first two heat, and tell how many calls fill a slice.
        if (round < 1) subject.calls[verb] = Math.max(5, Math.round((sliceMs * 1000) / micros));
        else subject.times[verb].push(micros);
      }
    }
  }
  progress("payloads: done");
  return report(Object.keys(stores), subjects);
}

function newRecord(bytes: number): SessionRecord {
  const now = Date.now();
  // Text that nothing can compress.
  const blob = randomBytes(bytes).toString("base64url");
  const data = `j1:${JSON.stringify({ blob: "" })}`.replace('""', `"${blob.slice(0, bytes - 15)}"`);
  const times = { createdAt: now, expiresAt: now + 1_209_600_000 };
  return { handle: handleOf(newSessionId()), data, version: newVersion(), ...times, userId: null, epoch: 0 };
}

/** Microseconds of a call. */
async function slice({ store, records, calls }: Subject, verb: "load" | "save"): Promise<number> {
  const began = performance.now();
  for (let call = 0; call < calls[verb]; call++) {
    const at = call % SESSIONS;
    const record = records[at] as SessionRecord;
    if (verb === "load") {
      const { status } = await store.load(record.handle);
      must(status === "live", "A session that is stored was not found");
    } else {
      const next = { ...record, version: newVersion() };
      const { status } = await store.save(next, record.version);
      must(status === "saved", `A save was answered with ${status}`);
      records[at] = next;
    }
  }
  return ((performance.now() - began) * 1000) / calls[verb];
}

function report(names: readonly string[], subjects: readonly Subject[]) {
  const sizes = Object.keys(SIZES) as (keyof typeof SIZES)[];
  const [smallest = "100 B", ...larger] = sizes;
  const figures: object[] = [];
  const rows = names.flatMap((name) =>
    (["load", "save"] as const).map((verb) => {
      const of = (size: string) => subjects.find((each) => each.name === name && each.size === size)?.times[verb] ?? [];
      for (const size of sizes) {
        figures.push({ store: name, verb, size, microseconds: spreadOf(of(size)), ratio: ratios(of(size), of(smallest)) });
      }
      const grown = larger.map((size) => show(ratios(of(size), of(smallest))));
      return { grown: [name, verb, ...grown], micros: [name, verb, ...sizes.map((size) => show(spreadOf(of(size))))] };
    }),
  );
  const markdown = [
    table(
      ["", "", ...larger.map((size) => `${size} ÷ ${smallest}`)],
      rows.map(({ grown }) => grown),
    ),
    table(
      ["µs", "", ...sizes],
      rows.map(({ micros }) => micros),
    ),
  ];
  return { markdown: markdown.join("\n\n"), figures };
}
