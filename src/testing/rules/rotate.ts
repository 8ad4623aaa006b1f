import { newVersion } from "../../core/id.ts";
import { equal, fail, ok } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import {
  created,
  expectLive,
  expectMissing,
  expectRetired,
  next,
  notAcknowledged,
  sameRecord,
  successor,
  tombstone,
} from "./support.ts";

const needs = ["rotate"] as const;

/** What `rotate` promises: a new id and an old one that is over, both or neither. */
export const rotateRules: readonly StoreRule[] = [
  {
    name: "rotate moves the session to its new handle and retires the old one",
    needs,
    async run({ store, record, now }) {
      const old = record({ data: "data" });
      await created(store, old);
      const renewed = successor(old, { userId: "u", epoch: 1 });
      const outcome = await store.rotate?.(old.handle, old.version, renewed, tombstone(now, "rotated"));
      equal(outcome, { status: "rotated" }, "rotate");
      await expectRetired(store, old.handle, "rotated");
      await expectLive(store, renewed);
    },
  },
  {
    name: "rotate leaves the tombstone that it was given",
    needs,
    async run({ store, record, now }) {
      const old = record();
      await created(store, old);
      const heir = successor(old);
      const stone = { ...tombstone(now, "rotated"), successor: heir.handle };
      await store.rotate?.(old.handle, old.version, heir, stone);
      await expectRetired(store, old.handle, stone);
    },
  },
  {
    name: "a rotation after another write is a conflict, and neither half happens",
    needs,
    async run({ store, record, now }) {
      const old = record();
      await created(store, old);
      const written = next(old, { data: "written meanwhile" });
      await store.save(written, old.version);
      const renewed = successor(old, { userId: "u" });
      const outcome = await store.rotate?.(old.handle, old.version, renewed, tombstone(now, "rotated"));
      if (outcome?.status !== "conflict") fail(`rotate: expected a conflict, got ${outcome?.status}`);
      sameRecord(outcome.record, written, "the record in the way");
      await expectLive(store, written, "the old record");
      await expectMissing(store, renewed.handle, "the new handle");
      if (store.users !== undefined) equal(await store.users.sessionsOf("u"), [], "the user's sessions");
    },
  },
  {
    name: "a rotation that arrives after logout does not bring the session back under a new id",
    needs,
    async run({ store, record, now }) {
      for (const reason of ["ended", "rotated"] as const) {
        const old = record();
        await created(store, old);
        await store.retire(old.handle, tombstone(now, reason));
        const renewed = successor(old, { userId: "u" });
        const outcome = await store.rotate?.(old.handle, old.version, renewed, tombstone(now, "rotated"));
        equal(outcome, { status: "retired", reason }, "rotate");
        await expectRetired(store, old.handle, reason);
        await expectMissing(store, renewed.handle, "the new handle");
        if (store.users !== undefined) equal(await store.users.sessionsOf("u"), [], "the user's sessions");
      }
    },
  },
  {
    name: "a rotation of nothing creates nothing",
    needs,
    async run({ store, record, now }) {
      const never = record();
      const renewed = successor(never);
      const outcome = await store.rotate?.(never.handle, newVersion(), renewed, tombstone(now, "rotated"));
      equal(outcome, { status: "missing" }, "rotate");
      await expectMissing(store, never.handle, "the old handle");
      await expectMissing(store, renewed.handle, "the new handle");
    },
  },
  {
    name: "a rotation onto a handle that is taken is refused, and changes nothing",
    needs,
    async run({ store, record, now }) {
      const old = record({ data: "old" });
      const other = record({ data: "other" });
      const over = record();
      await created(store, old, other, over);
      await store.retire(over.handle, tombstone(now));
      for (const handle of [other.handle, over.handle, old.handle]) {
        const outcome = await store.rotate?.(old.handle, old.version, successor(old, { handle }), tombstone(now, "rotated"));
        equal(outcome, { status: "exists" }, "rotate");
      }
      await expectLive(store, old, "the session");
      await expectLive(store, other, "the other session");
      await expectRetired(store, over.handle, "ended");
    },
  },
  {
    name: "a rotation that is delivered twice happens once, and the writer finds its own version",
    needs,
    async run({ store, record, now }) {
      const old = record({ userId: "u" });
      await created(store, old);
      const renewed = successor(old);
      const rotate = () => store.rotate?.(old.handle, old.version, renewed, tombstone(now, "rotated"));
      equal((await rotate())?.status, "rotated", "the first delivery");
      await notAcknowledged(rotate, "the second delivery");
      await expectRetired(store, old.handle, "rotated");
      await expectLive(store, renewed);
    },
  },
  {
    name: "of 20 rotations of one session at once, one wins, and the others leave nothing",
    needs,
    async run({ store, record, now }) {
      const old = record();
      await created(store, old);
      const heirs = Array.from({ length: 20 }, () => successor(old));
      const outcomes = await Promise.all(
        heirs.map((heir) => store.rotate?.(old.handle, old.version, heir, tombstone(now, "rotated"))),
      );
      const won = heirs.filter((_, index) => outcomes[index]?.status === "rotated");
      equal(won.length, 1, "how many were told that they rotated it");
      for (const [index, heir] of heirs.entries()) {
        if (won.includes(heir)) {
          await expectLive(store, heir, "the heir");
          continue;
        }
        ok(
          outcomes[index]?.status === "retired",
          `a loser is told that the session is over, not ${outcomes[index]?.status}`,
        );
        await expectMissing(store, heir.handle, "a loser's handle");
      }
      await expectRetired(store, old.handle, "rotated");
    },
  },
];
