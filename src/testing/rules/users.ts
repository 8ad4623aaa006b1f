import { equal, fail, ok } from "../assert.ts";
import type { SessionStore, UserIndex } from "../../core/store.ts";
import type { StoreRule } from "../store-rule.ts";
import { created, expectLive, expectMissing, expectSessionsOf, HOUR, next, successor, sweep, tombstone } from "./support.ts";

const needs = ["users"] as const;

function usersOf(store: SessionStore): UserIndex {
  return store.users ?? fail("the store has no users");
}

/** What the index of users promises: epochs that only go forward, and lists that miss nothing. */
export const userRules: readonly StoreRule[] = [
  {
    name: "a user that was never revoked has epoch 0 and no sessions",
    needs,
    async run({ store }) {
      equal(await usersOf(store).epoch("nobody"), 0, "epoch");
      equal(await usersOf(store).sessionsOf("nobody"), [], "sessionsOf");
    },
  },
  {
    name: "an epoch rises to what was asked, once however often it is sent, and never goes back",
    needs,
    async run({ store, now }) {
      const users = usersOf(store);
      for (const [atLeast, expected] of [
        [1, 1],
        [1, 1],
        [10, 10],
        [5, 10],
        [11, 11],
        [now, now],
        [0, now],
      ] as const) {
        equal(await users.advanceEpoch("u", atLeast), expected, `advanceEpoch to at least ${atLeast}`);
        equal(await users.epoch("u"), expected, "epoch");
      }
      equal(await users.epoch("v"), 0, "the epoch of another user");
    },
  },
  {
    name: "of epochs advanced at once the highest holds",
    needs,
    async run({ store }) {
      const users = usersOf(store);
      const asked = [7, 20, 3, 12, 1, 19, 8, 15, 2, 18, 5, 11, 4, 17, 6, 14, 9, 16, 10, 13];
      const epochs = await Promise.all(asked.map((atLeast) => users.advanceEpoch("u", atLeast)));
      for (const [index, epoch] of epochs.entries()) {
        if (epoch < (asked[index] ?? 0)) fail(`advanceEpoch to at least ${asked[index]} gave ${epoch}`);
      }
      equal(await users.epoch("u"), 20, "epoch");
    },
  },
  {
    name: "a login from before a revocation is refused, by create, save and rotate",
    needs,
    async run({ store, record, now }) {
      await usersOf(store).advanceEpoch("u", 4);
      const anonymous = record();
      await created(store, anonymous);
      const late = record({ userId: "u", epoch: 3 });
      equal(await store.create(late), { status: "revoked" }, "create");
      await expectMissing(store, late.handle, "the record that create refused");
      const bound = next(anonymous, { userId: "u", epoch: 3 });
      equal(await store.save(bound, anonymous.version), { status: "revoked" }, "save");
      if (store.rotate !== undefined) {
        const renewed = successor(anonymous, { userId: "u", epoch: 3 });
        const outcome = await store.rotate(anonymous.handle, anonymous.version, renewed, tombstone(now, "rotated"));
        equal(outcome, { status: "revoked" }, "rotate");
        await expectMissing(store, renewed.handle, "the record that rotate refused");
      }
      await expectLive(store, anonymous, "the session that was there before");
      equal(await usersOf(store).sessionsOf("u"), [], "the user's sessions");
    },
  },
  {
    name: "a record of the user's present epoch, or ahead of it, is accepted",
    needs,
    async run({ store, record, now }) {
      await usersOf(store).advanceEpoch("u", 4);
      for (const epoch of [4, 5]) {
        const bound = record({ userId: "u", epoch });
        await created(store, bound);
        const saved = next(bound);
        equal((await store.save(saved, bound.version)).status, "saved", "save");
        if (store.rotate === undefined) continue;
        const outcome = await store.rotate(saved.handle, saved.version, successor(saved), tombstone(now, "rotated"));
        equal(outcome.status, "rotated", "rotate");
      }
    },
  },
  {
    name: "a write of another visitor or of nobody is not touched by a user's revocation",
    needs,
    async run({ store, record }) {
      await usersOf(store).advanceEpoch("u", 9);
      const free = record();
      const other = record({ userId: "v", epoch: 0 });
      await created(store, free, other);
      equal((await store.save(next(free), free.version)).status, "saved", "a session without a user");
      equal((await store.save(next(other), other.version)).status, "saved", "another user's session");
    },
  },
  {
    name: "a revoked record is still there to be listed and ended",
    needs,
    async run({ store, record, now }) {
      const bound = record({ userId: "u" });
      await created(store, bound);
      await usersOf(store).advanceEpoch("u", 1);
      equal(await expectLive(store, bound), 1, "the epoch that load brings");
      await expectSessionsOf(store, "u", [bound], "the user's sessions");
      equal((await store.retire(bound.handle, tombstone(now))).status, "retired", "retire");
      await expectSessionsOf(store, "u", [], "the user's sessions, once it is over");
    },
  },
  {
    name: "a user's sessions are listed exactly: created, saved, ended",
    needs,
    async run({ store, record, now }) {
      const first = record({ userId: "u", data: "first" });
      const expired = record({ userId: "u", createdAt: now - HOUR, expiresAt: now - 1 });
      const other = record({ userId: "v" });
      const free = record();
      await created(store, first, expired, other, free);
      await expectSessionsOf(store, "u", [first, expired], "u's sessions");
      const changed = next(first, { data: "changed" });
      await store.save(changed, first.version);
      await expectSessionsOf(store, "u", [changed, expired], "u's sessions after a save");
      await store.retire(expired.handle, tombstone(now));
      await expectSessionsOf(store, "u", [changed], "u's sessions after one ended");
      await expectSessionsOf(store, "v", [other], "v's sessions");
    },
  },
  {
    name: "a session that changes its user moves from one list to the other",
    needs,
    async run({ store, record }) {
      const anonymous = record();
      await created(store, anonymous);
      const ofU = next(anonymous, { userId: "u" });
      await store.save(ofU, anonymous.version);
      await expectSessionsOf(store, "u", [ofU], "u's sessions after the login");
      const ofV = next(ofU, { userId: "v" });
      await store.save(ofV, ofU.version);
      await expectSessionsOf(store, "u", [], "u's sessions after v took over");
      await expectSessionsOf(store, "v", [ofV], "v's sessions");
      const nobody = next(ofV, { userId: null, epoch: 0 });
      await store.save(nobody, ofV.version);
      await expectSessionsOf(store, "v", [], "v's sessions after it was unbound");
      await expectLive(store, nobody);
    },
  },
  {
    name: "a rotated session is listed under its new handle only",
    needs: ["users", "rotate"],
    async run({ store, record, now }) {
      const old = record({ userId: "u" });
      await created(store, old);
      const renewed = successor(old);
      await store.rotate?.(old.handle, old.version, renewed, tombstone(now, "rotated"));
      await expectSessionsOf(store, "u", [renewed], "after a rotation");
      const other = successor(renewed, { userId: "v" });
      await store.rotate?.(renewed.handle, renewed.version, other, tombstone(now, "rotated"));
      await expectSessionsOf(store, "u", [], "u's sessions after a rotation to v");
      await expectSessionsOf(store, "v", [other], "v's sessions");
    },
  },
  {
    name: "a refused write leaves the lists as they were",
    needs,
    async run({ store, record }) {
      const bound = record({ userId: "u" });
      await created(store, bound);
      equal((await store.save(next(bound, { userId: "v" }), "another-version")).status, "conflict", "save");
      await expectSessionsOf(store, "u", [bound], "u's sessions");
      await expectSessionsOf(store, "v", [], "v's sessions");
    },
  },
  {
    name: "a touched session is listed with its new deadline",
    needs,
    async run({ store, record }) {
      const bound = record({ userId: "u" });
      await created(store, bound);
      const expiresAt = bound.expiresAt + HOUR;
      await store.touch(bound.handle, bound.version, expiresAt);
      await expectSessionsOf(store, "u", [{ ...bound, expiresAt }], "the user's sessions");
    },
  },
  {
    name: "a swept session leaves its user's list, and the epoch stays",
    needs: ["users", "clearExpired"],
    async run({ store, record, now }) {
      await usersOf(store).advanceEpoch("u", 6);
      const old = record({ userId: "u", epoch: 6, expiresAt: now - HOUR });
      const live = record({ userId: "u", epoch: 6 });
      await created(store, old, live);
      await sweep(store, now);
      await expectSessionsOf(store, "u", [live], "the user's sessions");
      await sweep(store, now + 2 * HOUR);
      await expectSessionsOf(store, "u", [], "the user's sessions, all swept");
      equal(await usersOf(store).epoch("u"), 6, "epoch");
    },
  },
  {
    name: "all of a user's 60 sessions are listed",
    needs,
    async run({ store, record }) {
      const sessions = Array.from({ length: 60 }, (_, index) => record({ userId: "u", data: `device ${index}` }));
      await Promise.all(sessions.map((session) => created(store, session)));
      await expectSessionsOf(store, "u", sessions, "the user's sessions");
    },
  },
  {
    name: "revoking while logins run: what is live afterwards is listed, and load shows that it is revoked",
    needs,
    async run({ store, record, now }) {
      const users = usersOf(store);
      const logins = Array.from({ length: 20 }, () => record({ userId: "u", epoch: 0 }));
      const outcomes = Promise.all(logins.map((login) => store.create(login)));
      const epoch = await users.advanceEpoch("u", 1);
      for (const session of await users.sessionsOf("u")) await store.retire(session.handle, tombstone(now));
      const statuses = await outcomes;
      const listed = new Set((await users.sessionsOf("u")).map(({ handle }) => handle));
      for (const [index, login] of logins.entries()) {
        const outcome = await store.load(login.handle);
        if (statuses[index]?.status === "revoked") equal(outcome.status, "missing", "a refused login");
        if (outcome.status !== "live") continue;
        ok(listed.has(login.handle), "a live session is missing from its user's list");
        equal(outcome.userEpoch, epoch, "the epoch that load brings");
      }
      equal((await store.create(record({ userId: "u", epoch: 0 }))).status, "revoked", "a login after the revocation");
    },
  },
];
