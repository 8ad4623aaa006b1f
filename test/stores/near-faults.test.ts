import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { ChangeFeed } from "../../src/core/feed.ts";
import { Flights } from "../../src/stores/near/flights.ts";
import { needs } from "../servers/needs.ts";
import * as promises from "./near/promises.ts";
import { listening, nearRig, postgresLab, redisLab, type NearLab, type NearRig, type Plant } from "./near/rig.ts";

const STALE_SECONDS = 0.5;
/** For what is held up on purpose and must not be taken for a silence. */
const PATIENT_SECONDS = 60;

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => assert.deepEqual(unhandled, []));

type Kept = (rig: NearRig) => Promise<void>;

const rules: Readonly<Record<string, readonly [kept: Kept, staleSeconds: number]>> = {
  "a load that is answered after a change was told does not bring the old state back": [
    promises.lateLoadIsNotKept,
    PATIENT_SECONDS,
  ],
  "a session that was ended elsewhere is gone here within the bound": [promises.endedSession, STALE_SECONDS],
  "a user that was revoked elsewhere is revoked here within the bound": [promises.revokedUser, STALE_SECONDS],
  "the feed's connection killed: never stale beyond the bound, and it comes back": [promises.killedFeed, STALE_SECONDS],
  "the feed silent, and nothing closes: never stale beyond the bound, and it comes back": [
    promises.silentFeed,
    STALE_SECONDS,
  ],
  "the server killed and started again: never stale, and it comes back": [promises.killedServer, STALE_SECONDS],
  "the server stands still and goes on: never stale, and it comes back": [promises.pausedServer, STALE_SECONDS],
};

const labs: Readonly<Record<string, readonly ["redis" | "postgres", () => Promise<NearLab>]>> = {
  "redis (node-redis)": ["redis", () => redisLab("node-redis")],
  "redis (ioredis)": ["redis", () => redisLab("ioredis")],
  "postgres (pg)": ["postgres", () => postgresLab("pg")],
  "postgres (postgres)": ["postgres", () => postgresLab("postgres")],
};

for (const [name, [server, start]] of Object.entries(labs)) {
  describe(`near ${name}`, { skip: needs(server) }, () => {
    let lab: NearLab;
    before(async () => (lab = await start()));
    after(() => lab.stop());
    for (const [rule, [kept, staleSeconds]] of Object.entries(rules)) {
      test(rule, async (t) => kept(await nearRig(t, lab, staleSeconds)));
    }
  });
}

/** A feed whose marks come back whatever becomes of its connection, and that does not say when it is lost. */
function neverLost(feed: ChangeFeed): ChangeFeed {
  return {
    name: feed.name,
    open(listener) {
      const inner = feed.open({
        changed: (change) => listener.changed(change),
        marked: () => undefined,
        lost: () => undefined,
      });
      return {
        async mark(mark) {
          await inner.mark(mark).catch(() => undefined);
          listener.marked(mark);
        },
        close: () => inner.close(),
      };
    },
  };
}

function withoutUsers(feed: ChangeFeed): ChangeFeed {
  return listening(feed, (listener) => ({
    ...listener,
    changed(change) {
      if (typeof change !== "object" || !("user" in change)) listener.changed(change);
    },
  }));
}

class Unmarked extends Flights {
  override changed(): void {}
}

const planted: Readonly<Record<string, readonly [Plant, ...Kept[]]>> = {
  "loads under way are not marked when their record changes": [{ flights: new Unmarked() }, promises.lateLoadIsNotKept],
  "nothing is forgotten when the connection is lost": [{ feed: neverLost }, promises.killedFeed],
  "a silence is not noticed": [{ feed: neverLost }, promises.silentFeed],
  "a user's revocation is not applied": [{ feed: withoutUsers }, promises.revokedUser],
};

describe("each of these promises catches the fault that is planted against it", { skip: needs("redis") }, () => {
  let lab: NearLab;
  before(async () => (lab = await redisLab("ioredis")));
  after(() => lab.stop());
  for (const [fault, [plant, ...caughtBy]] of Object.entries(planted)) {
    test(fault, async (t) => {
      for (const kept of caughtBy) {
        const seconds = kept === promises.lateLoadIsNotKept ? PATIENT_SECONDS : STALE_SECONDS;
        const rig = await nearRig(t, lab, seconds, { ...plant, patienceMs: 1000 });
        await assert.rejects(kept(rig), { name: "AssertionError" });
      }
    });
  }
});
