import { lockHandleOf, newVersion } from "../../core/id.ts";
import { equal, settle } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import { created, expectLive, expectMissing, expectRetired, expectSessionsOf, next, tombstone } from "./support.ts";

const TEXTS: Readonly<Record<string, string>> = {
  empty: "",
  "one space": " ",
  "spaces at both ends": "  text  ",
  newlines: "a\nb\r\nc\rd\u2028e\u2029f\n",
  tabs: "\ta\t",
  quotes: `"'\`''""\\" \\' \\\\`,
  "SQL in disguise": "'; DROP TABLE sessions; --",
  "JSON in disguise": '{"handle":"x","data":null}',
  "control characters": "\u0001\u0008\u000b\u001f\u007f\u0085",
  "a byte-order mark": "\ufeffdata\ufffe",
  accents: "Žluťoučký kůň, naïve café",
  "the same letter in two forms": "\u00e9 e\u0301",
  "right to left": "שלום مرحبا",
  "beyond 16 bits": "🦊👩‍👩‍👧‍👦𝕊",
  "percent and plus": "100%25+%00%zz",
  numbers: "007",
  "a word that means something": "null",
};

const MEGABYTE = 1024 * 1024;

const LARGE: Readonly<Record<string, string>> = {
  "1 MB of letters": "a".repeat(MEGABYTE),
  "1 MB of quotes": `"`.repeat(MEGABYTE),
  "1 MB in four-byte characters": "🦊".repeat(MEGABYTE / 4),
};

/** Text that some engines cannot hold. A codec of sojourn never makes it, but a store must not change it in silence. */
const ODD: Readonly<Record<string, string>> = {
  "a NUL": "a\0b",
  "only a NUL": "\0",
  "half a surrogate pair": "a\ud800b",
  "the other half": "\udc00",
};

const USERS: readonly string[] = [
  "u",
  "U",
  "u ",
  " u",
  "0",
  "00",
  "7",
  "007",
  "7.0",
  "1e1",
  "null",
  "undefined",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "%",
  "_",
  "*",
  "?",
  "[a-z]",
  "a/b",
  "a\\b",
  "../u",
  ".",
  "..",
  "a:b",
  "a|b",
  "{u}",
  "a\nb",
  "'",
  `"`,
  "''; DROP TABLE sessions; --",
  "\u00e9",
  "e\u0301",
  "🦊",
  "ß",
  "ss",
  "İ",
  "x".repeat(255),
  `${"x".repeat(254)}y`,
  "ü".repeat(255),
];

/** A store gives back the very text and the very times that it was given. */
export const dataRules: readonly StoreRule[] = [
  {
    name: "data comes back character by character, whatever is in it",
    async run({ store, record }) {
      for (const [what, data] of Object.entries(TEXTS)) {
        const first = record({ data });
        await created(store, first);
        await expectLive(store, first, what);
        const second = next(first, { data: `${data}${data}` });
        equal((await store.save(second, first.version)).status, "saved", what);
        await expectLive(store, second, what);
      }
    },
  },
  {
    name: "data of 1 MB comes back whole",
    async run({ store, record }) {
      for (const [what, data] of Object.entries(LARGE)) {
        const first = record({ data: "small" });
        await created(store, first);
        const second = next(first, { data });
        equal((await store.save(second, first.version)).status, "saved", what);
        await expectLive(store, second, what);
        await created(store, record({ data }));
      }
    },
  },
  {
    name: "data that an engine cannot hold is refused, never changed",
    async run({ store, record }) {
      for (const [what, data] of Object.entries(ODD)) {
        const odd = record({ data });
        const outcome = await settle(() => store.create(odd));
        if (outcome.error === undefined) {
          equal(outcome.value, { status: "created" }, what);
          await expectLive(store, odd, what);
        } else {
          await expectMissing(store, odd.handle, what);
        }
      }
    },
  },
  {
    name: "times from 1970 to the year 9999 come back to the millisecond",
    async run({ store, record, now }) {
      const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
      for (const [createdAt, expiresAt] of [
        [0, last],
        [1, 2 ** 31 * 1000 + 1],
        [now, now + 2 ** 32],
        [now, last - 1],
      ] as const) {
        const first = record({ createdAt, expiresAt });
        await created(store, first);
        await expectLive(store, first);
      }
      const short = record();
      await created(store, short);
      equal((await store.touch(short.handle, short.version, last)).status, "touched", "touch");
      await expectLive(store, { ...short, expiresAt: last });
    },
  },
  {
    name: "epochs as large as a time in milliseconds come back exactly",
    async run({ store, record, now }) {
      for (const epoch of [1, now, 2 ** 52]) {
        const bound = record({ userId: "u", epoch });
        await created(store, bound);
        await expectLive(store, bound);
      }
    },
  },
  {
    name: "a user is exactly the text that was given: no other spelling is the same user",
    async run({ store, record }) {
      const sessions = USERS.map((userId) => record({ userId }));
      await created(store, ...sessions);
      for (const session of sessions) {
        await expectLive(store, session, "a user's session");
        if (store.users !== undefined)
          await expectSessionsOf(store, session.userId ?? "", [session], `sessions of ${session.userId}`);
      }
      if (store.users === undefined) return;
      for (const [index, userId] of USERS.entries())
        equal(await store.users.advanceEpoch(userId, index + 1), index + 1, userId);
      for (const [index, userId] of USERS.entries()) equal(await store.users.epoch(userId), index + 1, userId);
    },
  },
  {
    name: "any text may be a version",
    async run({ store, record }) {
      for (const version of ["----------------", "________________", "null", "-1", "0", newVersion()]) {
        const first = record({ version });
        await created(store, first);
        const second = next(first);
        equal((await store.save(second, version)).status, "saved", version);
        equal((await store.save(first, second.version)).status, "saved", `back to ${version}`);
        await expectLive(store, first);
      }
    },
  },
  {
    name: "the record of a lock is a record like any other",
    async run({ store, record, now }) {
      const session = record();
      const lock = record({ handle: lockHandleOf(session.handle), data: "lock" });
      await created(store, session, lock);
      equal((await store.create(next(lock))).status, "exists", "a second lock");
      const renewed = next(lock);
      equal((await store.save(renewed, lock.version)).status, "saved", "save");
      await expectLive(store, renewed, "the lock");
      await expectLive(store, session, "the session");
      equal((await store.retire(lock.handle, tombstone(now), renewed.version)).status, "retired", "retire");
      await expectRetired(store, lock.handle, "ended", "the lock");
      await expectLive(store, session, "the session");
    },
  },
  {
    name: "what is in a record stays together under many writes",
    async run({ store, record }) {
      let current = record();
      await created(store, current);
      for (let round = 1; round <= 50; round++) {
        const following = next(current, { data: `round ${round}`, expiresAt: current.expiresAt + round, epoch: round });
        equal((await store.save(following, current.version)).status, "saved", `round ${round}`);
        await expectLive(store, following, `round ${round}`);
        current = following;
      }
    },
  },
];
