import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import { InFlight, KeyedQueue, Line } from "../../src/core/queue.ts";
import type { SessionRecord } from "../../src/core/record.ts";
import { SerialTasks } from "../../src/core/serial.ts";

test("a task never begins in the call that asks for it, so that nothing is there before it was awaited", async () => {
  const tasks = new SerialTasks(new InFlight());
  let ran = false;
  const result = tasks.run(() => (ran = true));
  assert.equal(ran, false);
  assert.equal(await result, true);
});

test("what comes last runs at once when nothing is under way, and its result or its error is there at once", async () => {
  const tasks = new SerialTasks(new InFlight());
  assert.equal(
    tasks.runNow(() => 1),
    1,
  );
  assert.throws(() => tasks.runNow(() => assert.fail("refused")), /refused/);
  const ran: string[] = [];
  const first = tasks.run(() => void ran.push("first"));
  const last = tasks.runNow(() => void ran.push("last"));
  assert.ok(last instanceof Promise);
  await Promise.all([first, last]);
  assert.deepEqual(ran, ["first", "last"]);
});

test("tasks run in the order in which they were asked for, and who asked for one goes on before the next, whatever fails", async () => {
  const tasks = new SerialTasks(new InFlight());
  const ran: string[] = [];
  const asked = async (name: string, task: () => unknown): Promise<void> => {
    await tasks.run(task).catch(() => undefined);
    ran.push(name);
  };
  const fail = async (): Promise<never> => {
    ran.push("begun");
    throw new Error("failed");
  };
  await Promise.all([asked("first", fail), asked("second", () => ran.push("run")), tasks.run(() => void ran.push("third"))]);
  assert.deepEqual(ran, ["begun", "first", "run", "second", "third"]);
});

test("a task runs in the asynchronous context of who asked for it", async () => {
  const tasks = new SerialTasks(new InFlight());
  const context = new AsyncLocalStorage<number>();
  const seen: unknown[] = [];
  await Promise.all([1, 2, 3].map((name) => context.run(name, () => tasks.run(async () => seen.push(context.getStore())))));
  assert.deepEqual(seen, [1, 2, 3]);
});

test("thousands that wait for one take no stack", async () => {
  const tasks = new SerialTasks(new InFlight());
  const held = Promise.withResolvers<void>();
  const first = tasks.run(() => held.promise);
  let count = 0;
  const others = Array.from({ length: 50_000 }, () => tasks.run(() => ++count));
  held.resolve();
  await Promise.all([first, ...others]);
  assert.equal(count, 50_000);
});

test("what is under way is known until the last task has ended", async () => {
  const inFlight = new InFlight();
  const tasks = new SerialTasks(inFlight);
  const held = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let idle = false;
  const all = held.map(({ promise }) => tasks.run(() => promise));
  void inFlight.idle().then(() => (idle = true));
  held[0]?.resolve();
  await all[0];
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(idle, false);
  held[1]?.resolve();
  await all[1];
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(idle, true);
});

test("a line knows what took the place of the latest versions, and forgets the oldest of a session that is never quiet", () => {
  const line = new Line();
  const record = (version: number) => ({ version: String(version) }) as SessionRecord;
  for (let version = 1; version <= 5000; version++) line.stored(record(version), String(version - 1));
  assert.equal(line.newerThan("4999")?.version, "5000");
  assert.equal(line.newerThan("4500")?.version, "5000");
  assert.equal(line.newerThan("0"), undefined);
  line.left();
  assert.equal(line.newerThan("4999"), undefined);
});

test("tasks of one key share a line as long as they follow each other without a gap", async () => {
  const queue = new KeyedQueue();
  const lines: Line[] = [];
  const note = async (line: Line): Promise<void> => void lines.push(line);
  await Promise.all([queue.run("a", note), queue.run("a", note), queue.run("b", note)]);
  await queue.drain();
  await queue.run("a", note);
  const [first, other, second, later] = lines;
  assert.equal(first, second);
  assert.equal(new Set([first, other, later]).size, 3);
});
