import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { SessionRecord } from "../../src/core/record.ts";
import { needs } from "../servers/needs.ts";
import { startRedis, type RedisServer } from "../servers/redis.ts";
import { startWorker, type WorkerProcess } from "./bridges/processes.ts";
import { newPrefix } from "./bridges/targets.ts";
import { next, record, tombstone } from "./redis/support.ts";

const bridges = [
  { bridge: "express-session", separator: "-" },
  { bridge: "unstorage", separator: ":" },
] as const;

for (const { bridge, separator } of bridges) {
  describe(`processes over one Redis: ${bridge}`, { skip: needs("redis") }, () => {
    const prefix = `${newPrefix()}${separator}`;
    let server: RedisServer;
    let slow: WorkerProcess;
    let quick: WorkerProcess;
    before(async () => {
      server = await startRedis();
      [slow, quick] = await Promise.all([start(), start()]);
    });
    after(async () => {
      await Promise.all([slow.kill(), quick.kill()]);
      await server.stop();
    });

    const start = (): Promise<WorkerProcess> => startWorker({ bridge, port: server.port, prefix });

    /** A session that is there. */
    async function stored(): Promise<SessionRecord> {
      const session = record({ data: "before" });
      assert.deepEqual(await quick.ask("create", session), { status: "created" });
      return session;
    }

    const statusOf = async (worker: WorkerProcess, { handle }: SessionRecord): Promise<unknown> =>
      ((await worker.ask("load", handle)) as { status: string }).status;

    /** Whether Redis has a record, whatever it opens. */
    const exists = async ({ handle }: SessionRecord): Promise<boolean> => {
      const key = `${bridge === "express-session" ? "app:" : ""}${prefix}s${separator}${handle}`;
      return (await server.command("EXISTS", key)).startsWith(":1");
    };

    test("a write that another process had checked before the logout does not bring the session back", async () => {
      const session = await stored();
      const late = next(session, { data: "late", expiresAt: session.expiresAt + 1_000_000 });
      await slow.askUntilHeld({ when: "before", kind: "s" }, "save", late, session.version);
      const stone = tombstone();
      assert.deepEqual(await quick.ask("retire", session.handle, stone), { status: "retired", tombstone: stone });
      assert.deepEqual(await slow.letGo(), { status: "retired", reason: "ended" });
      for (const each of [slow, quick]) {
        assert.deepEqual(await each.ask("load", session.handle), { status: "retired", tombstone: stone });
        assert.deepEqual(await each.ask("save", next(late), late.version), { status: "retired", reason: "ended" });
      }
      assert.equal(await exists(session), false, "a record was left lying about");
    });

    test("nor does it when the process is killed right after it wrote", async () => {
      const session = await stored();
      const late = next(session, { data: "late" });
      await slow.askUntilHeld({ when: "around", kind: "s" }, "save", late, session.version);
      assert.equal(((await quick.ask("retire", session.handle, tombstone())) as { status: string }).status, "retired");
      assert.equal(await exists(session), false);
      assert.equal(await slow.letGo(), "held");
      await slow.kill();
      slow = await start();
      assert.equal(await exists(session), true, "the late write came through");
      assert.equal(await statusOf(quick, session), "retired");
      assert.deepEqual(await quick.ask("save", next(late), late.version), { status: "retired", reason: "ended" });
      // Whoever ends it once more clears it away.
      await quick.ask("retire", session.handle, tombstone());
      assert.equal(await exists(session), false);
    });

    test("a login that another process had begun before the logout gives up, or is ended with it", async () => {
      const session = await stored();
      const heir = next(record(), { userId: "ann" });
      assert.deepEqual(await slow.ask("create", heir), { status: "created" });
      const move = tombstone({ reason: "rotated", successor: heir.handle });
      await slow.askUntilHeld({ when: "before", kind: "e" }, "retire", session.handle, move, session.version);
      const ended = (await quick.ask("retire", session.handle, tombstone())) as { tombstone: { successor: string } };
      // Its id is not in any browser yet, and the logout is told of it.
      assert.equal(ended.tombstone.successor, heir.handle);
      await quick.ask("retire", heir.handle, tombstone());
      await slow.letGo();
      assert.deepEqual([await statusOf(quick, session), await statusOf(quick, heir)], ["retired", "retired"]);
    });

    test("of two writes at the same moment the later one wins, without the other being told: what is lost here", async () => {
      const session = await stored();
      const [lost, winner] = [next(session, { data: "lost" }), next(session, { data: "winner" })];
      await slow.askUntilHeld({ when: "before", kind: "s" }, "save", winner, session.version);
      assert.deepEqual(await quick.ask("save", lost, session.version), { status: "saved" });
      assert.deepEqual(await slow.letGo(), { status: "saved" });
      assert.deepEqual(await quick.ask("load", session.handle), { status: "live", record: winner });
      // Whoever builds on what was lost is shown what is there.
      const outcome = await quick.ask("save", next(lost), lost.version);
      assert.deepEqual(outcome, { status: "conflict", record: winner });
    });

    test("the moving of a deadline may undo a write of another process: what is lost here, too", async () => {
      const session = await stored();
      const expiresAt = session.expiresAt + 1_000_000;
      await slow.askUntilHeld({ when: "before", kind: "s" }, "touch", session.handle, session.version, expiresAt);
      assert.deepEqual(await quick.ask("save", next(session, { data: "lost" }), session.version), { status: "saved" });
      assert.deepEqual(await slow.letGo(), { status: "touched" });
      assert.deepEqual(await quick.ask("load", session.handle), { status: "live", record: { ...session, expiresAt } });
    });
  });
}
