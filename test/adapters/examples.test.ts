import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test, { type TestContext } from "node:test";
import { Visitor } from "../../src/testing/adapter-client.ts";

const root = join(import.meta.dirname, "../..");
const bin = (name: string): string => join(root, "node_modules/.bin", name);
const source = "--conditions=sojourn:source";
const deno = ["run", source, "--no-check", "--allow-net", "--allow-env", "--allow-read", "--allow-write", "--allow-sys"];

const examples: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["node", process.execPath, source, "examples/node/server.ts"],
  ["express", process.execPath, source, "examples/express/server.ts"],
  ["fastify", process.execPath, source, "examples/fastify/server.ts"],
  ["koa", process.execPath, source, "examples/koa/server.ts"],
  ["hono", process.execPath, source, "examples/hono/server.ts"],
  ["fetch", process.execPath, source, "examples/fetch/server.ts"],
  ["fetch on Bun", bin("bun"), source, "examples/fetch/bun.ts"],
  ["fetch on Deno", bin("deno"), ...deno, "examples/fetch/deno.ts"],
];

/** Starts a server in a folder of its own and gives its port, once it has said it. */
async function started(
  t: TestContext,
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const child = spawn(command, args, { cwd, env: { ...process.env, PORT: "0" }, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill());
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  const said = new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
  const line = await Promise.race([said, ended.then(() => `it ended: ${complaints}`)]);
  assert.match(line, /^http:\/\/127\.0\.0\.1:\d+$/);
  return {
    port: Number(new URL(line).port),
    async stop() {
      child.kill();
      await ended;
    },
  };
}

for (const [name, command, ...args] of examples) {
  test(`the example for ${name} counts, and counts on when it is started again`, async (t) => {
    const cwd = await mkdtemp(join(tmpdir(), "sojourn-example-"));
    const at = args.map((arg) => (arg.startsWith("examples/") ? join(root, arg) : arg));
    t.after(() => rm(cwd, { recursive: true, force: true }));
    const first = await started(t, command, at, cwd);
    const visitor = new Visitor(first.port);
    assert.equal((await visitor.get("/")).body, "No count in session. Setting to 1");
    assert.equal((await visitor.get("/")).body, "new count=2");
    await first.stop();
    const again = await started(t, command, at, cwd);
    assert.equal((await new Visitor(again.port, visitor.cookies).get("/")).body, "new count=3");
    await again.stop();
  });
}
