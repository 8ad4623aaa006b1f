import type { SessionHandle } from "../../core/id.ts";
import { equal, ok, settle } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import { asHandle, created, expectLive, listAll, newHandle, next, sweep, tombstone } from "./support.ts";

/**
 * Text where a handle belongs. A session never sends such a thing to a store, since it hashes ids; a program of the user's own
 * might.
 */
function hostileHandles(of: SessionHandle): readonly SessionHandle[] {
  const texts = [
    "",
    " ",
    ".",
    "..",
    "/",
    "\\",
    "*",
    "%",
    "_".repeat(48),
    "../../../../etc/passwd",
    "..\\..\\boot.ini",
    "/etc/passwd",
    `./${of}`,
    `${of}/`,
    `${of}/../${of}`,
    `${of} `,
    ` ${of}`,
    `${of}\0`,
    `${of}\n`,
    of.toUpperCase(),
    of.slice(0, 47),
    `${of}0`,
    `${of.slice(0, 47)}%`,
    `${of.slice(0, 47)}_`,
    "con",
    "nul",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "toString",
    "'; DROP TABLE sessions; --",
    '" OR ""="',
    "🦊".repeat(12),
    "\u0661".repeat(48),
    "a".repeat(100_000),
  ];
  return texts.filter((text) => text !== of).map(asHandle);
}

/** What a store does with handles that are none. */
export const hostileRules: readonly StoreRule[] = [
  {
    name: "text that is no handle finds nothing, and never another's record",
    async run({ store, record, now }) {
      // A handle with letters in it, so that upper case makes another text of it.
      const session = record({ handle: asHandle(`ab${newHandle().slice(2)}`), userId: "u" });
      await created(store, session);
      for (const handle of hostileHandles(session.handle)) {
        const shown = JSON.stringify(handle.slice(0, 60));
        const found = await settle(() => store.load(handle));
        if (found.error === undefined) equal(found.value, { status: "missing" }, `load ${shown}`);
        const saved = await settle(() => store.save({ ...next(session), handle }, session.version));
        if (saved.error === undefined) equal(saved.value, { status: "missing" }, `save ${shown}`);
        const touched = await settle(() => store.touch(handle, session.version, session.expiresAt + 1));
        if (touched.error === undefined) equal(touched.value, { status: "stale" }, `touch ${shown}`);
        const retired = await settle(() => store.retire(handle, tombstone(now)));
        if (retired.error === undefined) equal(retired.value, { status: "missing" }, `retire ${shown}`);
        await expectLive(store, session, `the session, after ${shown}`);
      }
    },
  },
  {
    name: "text that is no handle is refused, or kept apart like any other",
    async run({ store, record, now }) {
      const session = record({ handle: asHandle(`ab${newHandle().slice(2)}`) });
      await created(store, session);
      const accepted = [];
      for (const handle of hostileHandles(session.handle)) {
        const odd = record({ handle, data: `under ${handle.slice(0, 60)}` });
        const outcome = await settle(() => store.create(odd));
        if (outcome.error !== undefined) continue;
        equal(outcome.value, { status: "created" }, "create");
        accepted.push(odd);
      }
      for (const odd of accepted) await expectLive(store, odd, "a record under an odd handle");
      await expectLive(store, session, "the session");
      if (store.list !== undefined) {
        const handles = (await listAll(store)).map(({ handle }) => handle);
        ok(handles.includes(session.handle), "the session is listed beside odd handles");
      }
      for (const odd of accepted)
        equal((await store.retire(odd.handle, tombstone(now, "ended", now))).status, "retired", "retire");
      if (store.clearExpired !== undefined) {
        const removed = (await sweep(store, now, 10)).reduce((sum, each) => sum + each, 0);
        equal(removed, accepted.length, "how many odd records a sweep removes");
      }
      await expectLive(store, session, "the session, after the sweep");
    },
  },
];
