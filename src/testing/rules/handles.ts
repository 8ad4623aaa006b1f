import { equal } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import { expectCount, increment } from "./race.ts";
import {
  clear,
  created,
  expectLive,
  expectMissing,
  expectRetired,
  expectSessionsOf,
  fresh,
  HOUR,
  listAll,
  newHandle,
  next,
  successor,
  tombstone,
} from "./support.ts";

const needs = ["second handle"] as const;
const needsRace = ["second handle", "compareAndSwap"] as const;

/** @throws what `look` throws, if it still does after so many seconds; the first look is at once */
async function within(seconds: number, look: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    try {
      await look();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resume) => setTimeout(resume, 2));
    }
  }
}

/** What holds between two handles on one storage, over a restart, and after closing. */
export const handleRules: readonly StoreRule[] = [
  {
    name: "what one handle wrote, another reads at once",
    needs: [...needs, "immediate"],
    async run({ store, reopen, record, now }) {
      const other = await reopen();
      const first = record();
      await created(store, first);
      await expectLive(other, first, "after create");
      const second = next(first);
      equal((await other.save(second, first.version)).status, "saved", "save by the other handle");
      await expectLive(store, second, "after save");
      equal((await store.save(next(first), first.version)).status, "conflict", "a save onto the version from before");
      await other.touch(second.handle, second.version, now + 2 * HOUR);
      await expectLive(store, { ...second, expiresAt: now + 2 * HOUR }, "after touch");
      await store.retire(first.handle, tombstone(now));
      await expectRetired(other, first.handle, "ended", "after retire");
      equal((await other.create(next(first))).status, "exists", "create over the tombstone");
    },
  },
  {
    name: "what one handle wrote, another that keeps copies reads within the seconds that it declares",
    needs,
    async run({ store, reopen, record, now }) {
      const other = await reopen();
      const session = record({ userId: "u" });
      await created(store, session);
      /** Lets the other handle take a copy, changes the record, and waits for the other to see it. */
      const change = async (write: () => unknown, seen: () => Promise<unknown>) => {
        for (let round = 0; round < 2; round++) await other.load(session.handle);
        await write();
        await within(other.staleSeconds ?? 0, seen);
      };
      const saved = next(session, { data: "second" });
      const touched = { ...saved, expiresAt: now + 2 * HOUR };
      await change(
        () => store.save(saved, session.version),
        () => expectLive(other, saved, "after save"),
      );
      await change(
        () => store.touch(saved.handle, saved.version, touched.expiresAt),
        () => expectLive(other, touched, "after touch"),
      );
      if (store.users !== undefined) {
        await change(
          () => store.users?.advanceEpoch("u", 7),
          async () => equal(await expectLive(other, touched), 7, "the user's epoch"),
        );
      }
      await change(
        () => store.retire(session.handle, tombstone(now)),
        () => expectRetired(other, session.handle, "ended", "after retire"),
      );
    },
  },
  {
    name: "a load that asks for the original sees at once what another handle wrote",
    needs,
    async run({ store, reopen, record, now }) {
      const other = await reopen();
      let session = record();
      await created(store, session);
      for (let round = 0; round < 5; round++) {
        for (let copies = 0; copies < 2; copies++) await other.load(session.handle);
        const written = next(session, { data: `round ${round}` });
        equal((await store.save(written, session.version)).status, "saved", "save");
        await expectLive(fresh(other), written, "after save");
        session = written;
      }
      await other.load(session.handle);
      await store.retire(session.handle, tombstone(now));
      await expectRetired(fresh(other), session.handle, "ended", "after retire");
    },
  },
  {
    name: "200 increments over two handles, each retried until it is saved, count 200",
    needs: needsRace,
    async run({ store, reopen, record }) {
      const other = await reopen();
      const counter = record({ data: "0" });
      await created(store, counter);
      const worker = async (_: unknown, index: number) => {
        for (let round = 0; round < 10; round++) await increment(index % 2 === 0 ? store : other, counter);
      };
      await Promise.all(Array.from({ length: 20 }, worker));
      await expectCount(fresh(store), counter, 200);
      await expectCount(fresh(other), counter, 200);
    },
  },
  {
    name: "of creates of one handle over two handles, one wins",
    needs: needsRace,
    async run({ store, reopen, record }) {
      const other = await reopen();
      for (let round = 0; round < 10; round++) {
        const handle = newHandle();
        const rivals = Array.from({ length: 6 }, (_, index) => record({ handle, data: `rival ${index}` }));
        const outcomes = await Promise.all(rivals.map((rival, index) => (index % 2 === 0 ? store : other).create(rival)));
        const winners = rivals.filter((_, index) => outcomes[index]?.status === "created");
        equal(winners.length, 1, "how many were told that they created it");
        for (const winner of winners) {
          await expectLive(fresh(store), winner);
          await expectLive(fresh(other), winner);
        }
      }
    },
  },
  {
    name: "in a race between logout and writes over two handles, the session stays ended",
    needs: needsRace,
    async run({ store, reopen, record, now }) {
      const other = await reopen();
      for (let round = 0; round < 10; round++) {
        const session = record();
        await created(store, session);
        const writes = [store, other, store, other].map((each) => each.save(next(session), session.version));
        const logout = other.retire(session.handle, tombstone(now));
        const touch = store.touch(session.handle, session.version, now + 2 * HOUR);
        const late = [other, store].map((each) => each.save(next(session), session.version));
        await Promise.all([...writes, logout, touch, ...late]);
        await expectRetired(other, session.handle, "ended", "to the handle that ended it");
        await expectRetired(fresh(store), session.handle, "ended", "to the other handle");
      }
    },
  },
  {
    name: "of two rotations over two handles, one wins, and the other leaves nothing",
    needs: [...needsRace, "rotate"],
    async run({ store, reopen, record, now }) {
      const other = await reopen();
      for (let round = 0; round < 10; round++) {
        const session = record({ userId: "u" });
        await created(store, session);
        const [heir, rival] = [successor(session), successor(session)];
        const [won, lost] = await Promise.all([
          store.rotate?.(session.handle, session.version, heir, tombstone(now, "rotated")),
          other.rotate?.(session.handle, session.version, rival, tombstone(now, "rotated")),
        ]);
        equal([won?.status, lost?.status].toSorted(), ["retired", "rotated"], "the outcomes");
        const [winner, loser] = won?.status === "rotated" ? [heir, rival] : [rival, heir];
        await expectLive(fresh(other), winner, "the heir");
        await expectMissing(fresh(store), loser.handle, "the rival");
        await store.retire(winner.handle, tombstone(now));
      }
    },
  },
  {
    name: "a user revoked through one handle is revoked for the other",
    needs: ["second handle", "users"],
    async run({ store, reopen, record }) {
      const other = await reopen();
      const session = record({ userId: "u" });
      await created(other, session);
      await store.users?.advanceEpoch("u", 1);
      equal(await other.users?.epoch("u"), 1, "epoch");
      equal(await expectLive(fresh(other), session), 1, "the epoch that load brings");
      equal((await other.create(record({ userId: "u", epoch: 0 }))).status, "revoked", "create");
      equal((await other.save(next(session), session.version)).status, "revoked", "save");
      await expectSessionsOf(store, "u", [session], "the user's sessions");
      const epochs = await Promise.all(
        [4, 7, 2, 6, 3, 5].map((each) => (each % 2 === 0 ? store : other).users?.advanceEpoch("u", each)),
      );
      equal(Math.max(...epochs.map((epoch) => epoch ?? 0)), 7, "epochs advanced over two handles");
      equal([await store.users?.epoch("u"), await other.users?.epoch("u")], [7, 7], "the epoch that holds");
    },
  },
  {
    name: "sweeps over two handles remove each record once",
    needs: ["second handle", "clearExpired", "compareAndSwap"],
    async run({ store, reopen, record, now }) {
      const other = await reopen();
      const expired = Array.from({ length: 25 }, () => record({ expiresAt: now - 1 }));
      const live = record();
      await created(store, ...expired, live);
      const removed = await Promise.all([store, other, store, other].map((each) => clear(each, now, 10)));
      const rest = await clear(store, now);
      equal(
        removed.reduce((sum, each) => sum + each, rest),
        25,
        "how many were removed",
      );
      await expectLive(fresh(other), live);
    },
  },
  {
    name: "everything is there after a restart: records, tombstones, users and their epochs",
    needs: ["durable"],
    async run({ store, restart, record, now }) {
      const free = record({ data: "kept" });
      const bound = record({ userId: "u", epoch: 3 });
      const over = record();
      await created(store, free, bound, over);
      const stone = tombstone(now, "rotated");
      await store.retire(over.handle, stone);
      await store.users?.advanceEpoch("u", 3);
      const again = await restart();
      await expectLive(again, free);
      const epoch = await expectLive(again, bound);
      await expectRetired(again, over.handle, stone);
      equal((await again.create(next(over))).status, "exists", "create over the tombstone");
      if (again.users !== undefined) {
        equal(epoch, 3, "the epoch that load brings");
        equal(await again.users.epoch("u"), 3, "epoch");
        await expectSessionsOf(again, "u", [bound], "the user's sessions");
      }
      if (again.list !== undefined) {
        const handles = (await listAll(again)).map(({ handle }) => handle);
        equal(handles, [free.handle, bound.handle].toSorted(), "the list");
      }
      equal((await again.save(next(free), free.version)).status, "saved", "save onto the version from before");
    },
  },
  {
    name: "closing one handle leaves the other at work",
    needs: ["second handle", "close"],
    async run({ store, reopen, close, record }) {
      const other = await reopen();
      const first = record();
      await created(other, first);
      await close(other);
      await expectLive(store, first);
      equal((await store.save(next(first), first.version)).status, "saved", "save");
    },
  },
  {
    name: "closing twice is as good as once",
    needs: ["close"],
    async run({ store, close, record }) {
      await created(store, record());
      await close(store);
      await store.close?.();
    },
  },
];
