import { newVersion } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { SessionStore } from "../../core/store.ts";
import { equal, fail, ok } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import {
  created,
  expectLive,
  expectMissing,
  expectRetired,
  HOUR,
  MINUTE,
  next,
  retiredBy,
  successor,
  tombstone,
} from "./support.ts";

/** Adds one to the number in the record, on the fresh record each time another writer was first. */
export async function increment(store: SessionStore, { handle }: SessionRecord): Promise<void> {
  let outcome: { status: string; record?: SessionRecord } = await store.load(handle);
  for (let attempt = 0; attempt < 1000; attempt++) {
    const { record } = outcome;
    if (record === undefined) fail(`increment: ${outcome.status}`);
    outcome = await store.save(next(record, { data: String(Number(record.data) + 1) }), record.version);
    if (outcome.status === "saved") return;
  }
  fail("increment: never got through");
}

/** @throws unless the number in the record is `expected` */
export async function expectCount(
  store: Pick<SessionStore, "load">,
  { handle }: SessionRecord,
  expected: number,
): Promise<void> {
  const outcome = await store.load(handle);
  equal(outcome.status === "live" ? outcome.record.data : outcome.status, String(expected), "the count");
}

/** What holds when calls run at once on one store. */
export const raceRules: readonly StoreRule[] = [
  {
    name: "200 increments at once, each retried until it is saved, count 200",
    async run({ store, record }) {
      const counter = record({ data: "0" });
      await created(store, counter);
      const worker = async () => {
        for (let round = 0; round < 10; round++) await increment(store, counter);
      };
      await Promise.all(Array.from({ length: 20 }, worker));
      await expectCount(store, counter, 200);
    },
  },
  {
    name: "of many saves at once onto one version, one is saved, and the others are shown what stands there",
    async run({ store, record }) {
      const first = record();
      await created(store, first);
      const rivals = Array.from({ length: 20 }, (_, index) => next(first, { data: `rival ${index}` }));
      const outcomes = await Promise.all(rivals.map((rival) => store.save(rival, first.version)));
      const winners = rivals.filter((_, index) => outcomes[index]?.status === "saved");
      equal(winners.length, 1, "how many were told that they saved");
      for (const outcome of outcomes) {
        if (outcome.status === "saved") continue;
        if (outcome.status !== "conflict") fail(`expected a conflict, got ${outcome.status}`);
        equal(outcome.record, winners[0], "the record in the way");
      }
      for (const winner of winners) await expectLive(store, winner);
    },
  },
  {
    name: "in a race between logout and writes, the session stays ended",
    async run({ store, record, now }) {
      for (let round = 0; round < 10; round++) {
        const session = record();
        await created(store, session);
        const writes = Array.from({ length: 5 }, () => store.save(next(session), session.version));
        const touches = Array.from({ length: 5 }, () => store.touch(session.handle, session.version, now + 2 * HOUR));
        const stone = tombstone(now);
        const logout = store.retire(session.handle, stone);
        const late = Array.from({ length: 5 }, () => store.save(next(session), session.version));
        equal(await logout, retiredBy(stone), "the logout");
        await Promise.all([...writes, ...touches, ...late]);
        await expectRetired(store, session.handle, "ended");
      }
    },
  },
  {
    name: "in a race between two ends of a session, the first reason holds for both",
    async run({ store, record, now }) {
      for (let round = 0; round < 10; round++) {
        const session = record();
        await created(store, session);
        const [ended, rotated] = await Promise.all([
          store.retire(session.handle, tombstone(now, "ended")),
          store.retire(session.handle, tombstone(now, "rotated")),
        ]);
        equal(ended, rotated, "what the two calls say");
        if (ended.status !== "retired") fail(`retire: expected retired, got ${ended.status}`);
        await expectRetired(store, session.handle, ended.tombstone.reason);
      }
    },
  },
  {
    name: "in a race between touch and a save that shortens the deadline, the shorter deadline holds",
    async run({ store, record, now }) {
      for (let round = 0; round < 10; round++) {
        const session = record({ expiresAt: now + HOUR });
        await created(store, session);
        const shorter = next(session, { expiresAt: now + MINUTE });
        const [, saved] = await Promise.all([
          store.touch(session.handle, session.version, now + 2 * HOUR),
          store.save(shorter, session.version),
          store.touch(session.handle, session.version, now + 3 * HOUR),
        ]);
        equal(saved.status, "saved", "a touch does not get in the way of a save");
        await expectLive(store, shorter);
      }
    },
  },
  {
    name: "in a race between rotate and save, one wins and nothing that was acknowledged is lost",
    needs: ["rotate"],
    async run({ store, record, now }) {
      for (let round = 0; round < 10; round++) {
        const session = record();
        await created(store, session);
        const written = next(session, { data: "written" });
        const heir = successor(session);
        const save = () => store.save(written, session.version);
        const rotate = () => store.rotate?.(session.handle, session.version, heir, tombstone(now, "rotated"));
        const order = round % 2 === 0 ? [save(), rotate()] : [rotate(), save()];
        const statuses = (await Promise.all(order)).map((outcome) => outcome?.status);
        if (statuses.includes("saved")) {
          ok(statuses.includes("conflict"), `the rotation that lost is told of a conflict: ${statuses.join(", ")}`);
          await expectLive(store, written, "the write");
          await expectMissing(store, heir.handle, "the heir");
        } else {
          equal(statuses.toSorted(), ["retired", "rotated"], "the outcomes");
          await expectLive(store, heir, "the heir");
          await expectRetired(store, session.handle, "rotated");
        }
      }
    },
  },
  {
    name: "in a race between rotate and logout, the old id is over, and there is an heir only if the rotation came first",
    needs: ["rotate"],
    async run({ store, record, now }) {
      for (let round = 0; round < 10; round++) {
        const session = record();
        await created(store, session);
        const heir = successor(session);
        const rotate = () => store.rotate?.(session.handle, session.version, heir, tombstone(now, "rotated"));
        const logout = () => store.retire(session.handle, tombstone(now, "ended"));
        const [one, two] = round % 2 === 0 ? [rotate(), logout()] : [logout(), rotate()];
        const outcomes = await Promise.all([one, two]);
        if (outcomes.some((outcome) => outcome?.status === "rotated")) {
          await expectRetired(store, session.handle, "rotated");
          await expectLive(store, heir, "the heir");
        } else {
          await expectRetired(store, session.handle, "ended");
          await expectMissing(store, heir.handle, "the heir");
        }
      }
    },
  },
  {
    name: "a load that was under way when the session ended or changed does not bring the old state back",
    async run({ store, record, now }) {
      for (let round = 0; round < 5; round++) {
        const session = record();
        await created(store, session);
        const written = next(session, { data: "written meanwhile" });
        const before = store.load(session.handle);
        const save = store.save(written, session.version);
        await Promise.all([before, save]);
        await expectLive(store, written, "after the write");
        const during = store.load(session.handle);
        const logout = store.retire(session.handle, tombstone(now));
        await Promise.all([during, logout]);
        await expectRetired(store, session.handle, "ended", "after the logout");
      }
    },
  },
  {
    name: "many visitors at once do not get in each other's way",
    async run({ store, record }) {
      const counters = Array.from({ length: 25 }, () => record({ data: "0" }));
      await Promise.all(counters.map((counter) => created(store, counter)));
      await Promise.all(counters.flatMap((counter) => [increment(store, counter), increment(store, counter)]));
      for (const counter of counters) await expectCount(store, counter, 2);
    },
  },
  {
    name: "at no moment is a live session missing from its user's list",
    needs: ["users"],
    async run({ store, record, now }) {
      const sessions = Array.from({ length: 10 }, () => record({ userId: "u" }));
      const anonymous = sessions.map((session) => ({ ...session, version: newVersion(), userId: null }));
      let working = true;
      const work = async () => {
        await Promise.all(anonymous.slice(5).map((each) => store.create(each)));
        await Promise.all(sessions.map((each, index) => (index < 5 ? store.create(each) : bind(anonymous[index], each))));
        await Promise.all(sessions.map((each) => store.retire(each.handle, tombstone(now))));
      };
      const bind = (from: SessionRecord | undefined, to: SessionRecord) => store.save(to, from?.version ?? "");
      const done = work().finally(() => (working = false));
      const listed = async () => new Set((await store.users?.sessionsOf("u"))?.map(({ handle }) => handle));
      const bound = async () => {
        const outcomes = await Promise.all(sessions.map(({ handle }) => store.load(handle)));
        return outcomes.flatMap((each) =>
          each.status === "live" && each.record.userId === "u" ? [each.record.handle] : [],
        );
      };
      while (working) {
        // Whoever is live before the list is read and still live after it was live all the time.
        const before = await bound();
        const between = await listed();
        const after = new Set(await bound());
        for (const handle of before) {
          if (after.has(handle)) ok(between.has(handle), "a session could be loaded and was not in its user's list");
        }
        await new Promise((resume) => setImmediate(resume));
      }
      await done;
    },
  },
  {
    name: "logins and logouts of one user at once leave exactly the live ones in the list",
    needs: ["users"],
    async run({ store, record, now }) {
      const sessions = Array.from({ length: 20 }, () => record({ userId: "u" }));
      const ended = sessions.filter((_, index) => index % 2 === 0);
      await created(store, ...ended);
      await Promise.all([
        ...sessions.filter((each) => !ended.includes(each)).map((each) => store.create(each)),
        ...ended.map((each) => store.retire(each.handle, tombstone(now))),
      ]);
      const listed = (await store.users?.sessionsOf("u")) ?? [];
      const live = sessions.filter((each) => !ended.includes(each));
      equal(
        listed.map(({ handle }) => handle).toSorted(),
        live.map(({ handle }) => handle).toSorted(),
        "the user's sessions",
      );
    },
  },
];
