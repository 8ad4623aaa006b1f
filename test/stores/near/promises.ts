import assert from "node:assert/strict";
import type { SessionRecord } from "../../../src/core/record.ts";
import { until } from "../../servers/process.ts";
import { next, record, tombstone } from "../redis/support.ts";
import type { NearRig } from "./rig.ts";
import { cached, nextEvent, ready } from "./support.ts";

/** What a near store promises, each as a test that fails when it is broken, whatever was planted. */

/** How long, in milliseconds after a change elsewhere was acknowledged, the state from before was still being served here. */
async function staleMs(
  { near, staleSeconds, patienceMs }: NearRig,
  before: SessionRecord,
  isOld: (found: unknown) => boolean,
) {
  const changed = performance.now();
  let stale = 0;
  for (;;) {
    const asked = performance.now() - changed;
    const found = await Promise.resolve(near.load(before.handle)).catch((error: unknown) => error);
    if (found instanceof Error || isOld(found)) {
      if (!(found instanceof Error)) stale = asked;
    } else {
      return stale;
    }
    assert.ok(asked < staleSeconds * 1000 + patienceMs, `what was changed elsewhere is not seen; stale until ${stale} ms`);
    await new Promise((resume) => setTimeout(resume, 2));
  }
}

const versionIs =
  ({ version }: SessionRecord) =>
  (found: unknown): boolean =>
    (found as { record?: SessionRecord }).record?.version === version;

function assertWithin({ staleSeconds }: NearRig, stale: number): void {
  assert.ok(stale <= staleSeconds * 1000, `the state from before was served ${stale} ms after the change`);
}

/** A session that is served from memory here. */
async function hot({ near, other }: NearRig, fields: Partial<SessionRecord> = {}): Promise<SessionRecord> {
  const session = record(fields);
  await other.create(session);
  await cached(near, session.handle);
  return session;
}

/** A change elsewhere is seen here in time. Gives what was written. */
async function seenInTime(rig: NearRig, session: SessionRecord): Promise<SessionRecord> {
  const written = next(session, { data: "written elsewhere" });
  assert.equal((await rig.other.save(written, session.version)).status, "saved");
  assertWithin(rig, await staleMs(rig, session, versionIs(session)));
  return written;
}

/** The feed is back, and what is changed is told at once again. */
async function atWorkAgain(rig: NearRig): Promise<void> {
  const session = await hot(rig);
  const written = next(session);
  await rig.other.save(written, session.version);
  await rig.near.sync();
  assert.ok(versionIs(written)(await rig.near.load(session.handle)));
}

/** A load that was answered after the change it had not seen was told brings nothing back. */
export async function lateLoadIsNotKept(rig: NearRig): Promise<void> {
  const { near, other, storeProxy, told } = rig;
  const session = record({ data: "what was there before" });
  await other.create(session);
  await ready(near);
  storeProxy.set({ kind: "hold", matches: (reply) => reply.includes(session.data) });
  const late = near.load(session.handle);
  await until("the server has read, and its reply is held", async () => storeProxy.held > 0);
  const seen = told(session.handle);
  const written = next(session, { data: "written elsewhere" });
  assert.equal((await other.save(written, session.version)).status, "saved");
  await seen;
  storeProxy.set({ kind: "pass" });
  assert.ok(versionIs(session)(await late), "the load had read what was there before");
  assert.ok(versionIs(written)(await near.load(session.handle)), "the next one sees the change");
}

/** The feed's connection is ended by the server. */
export async function killedFeed(rig: NearRig): Promise<void> {
  const session = await hot(rig);
  await rig.lab.killFeeds();
  await seenInTime(rig, session);
  await atWorkAgain(rig);
}

/** The feed's connection says nothing any more, and does not end. */
export async function silentFeed(rig: NearRig): Promise<void> {
  const session = await hot(rig);
  rig.feedProxy.set({ kind: "blackhole" });
  await seenInTime(rig, session);
  rig.feedProxy.set({ kind: "pass" });
  await atWorkAgain(rig);
}

/** A user is revoked elsewhere. */
export async function revokedUser(rig: NearRig): Promise<void> {
  const session = await hot(rig, { userId: "u" });
  const free = await hot(rig);
  assert.equal(await rig.other.users?.advanceEpoch("u", 7), 7);
  const isOld = (found: unknown): boolean => (found as { userEpoch?: number }).userEpoch !== 7;
  assertWithin(rig, await staleMs(rig, session, isOld));
  const { hits } = rig.near.stats();
  await rig.near.load(free.handle);
  assert.ok(!rig.near.stats().ready || rig.near.stats().hits > hits, "who has no user is not concerned");
}

/** A session is ended elsewhere. */
export async function endedSession(rig: NearRig): Promise<void> {
  const session = await hot(rig, { userId: "u" });
  const stone = tombstone();
  await rig.other.retire(session.handle, stone);
  assertWithin(rig, await staleMs(rig, session, versionIs(session)));
  assert.deepEqual(await rig.near.load(session.handle), { status: "retired", tombstone: stone });
}

/** The server is killed, and started again. */
export async function killedServer(rig: NearRig): Promise<void> {
  const { near, other, lab } = rig;
  const session = await hot(rig);
  const lost = nextEvent("feedLost", near);
  await lab.process.kill();
  await lost;
  assert.equal(near.stats().entries, 0);
  await lab.process.restart();
  const written = next(session, { data: "written elsewhere" });
  await until("the other node can write", async () => (await other.save(written, session.version)).status !== "missing");
  assertWithin(rig, await staleMs(rig, session, versionIs(session)));
  await atWorkAgain(rig);
}

/** The server stands still, and goes on. */
export async function pausedServer(rig: NearRig): Promise<void> {
  const { near, other, lab } = rig;
  const session = await hot(rig);
  const lost = nextEvent("feedLost", near);
  lab.pause();
  const written = next(session, { data: "written elsewhere" });
  const saving = Promise.resolve(other.save(written, session.version));
  try {
    assert.equal((await lost).reason, "silence");
    assert.equal(near.stats().entries, 0);
  } finally {
    lab.resume();
  }
  assert.equal((await saving).status, "saved");
  assertWithin(rig, await staleMs(rig, session, versionIs(session)));
  await atWorkAgain(rig);
}
