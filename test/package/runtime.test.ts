import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import test, { type TestContext } from "node:test";
import { ROOT } from "./project.ts";

const SERVE = join(import.meta.dirname, "runtime/serve.ts");
const RUNTIMES = {
  bun: { args: ["run", SERVE], stores: ["memory", "file", "sqlite", "bun:sqlite"] },
  deno: { args: ["run", "--allow-all", "--no-check", SERVE], stores: ["memory", "file", "sqlite"] },
};

for (const [runtime, { args, stores }] of Object.entries(RUNTIMES)) {
  const program = join(ROOT, "node_modules/.bin", runtime);
  const here = existsSync(program);
  assert.ok(here || process.env["CI"] !== "true", `${runtime} is a development dependency, and missing`);
  const skip = here ? false : `${runtime} is not installed`;

  for (const store of stores) {
    test(`${runtime}: a visitor counts, logs in and logs out, on ${store}`, { skip }, async (t) => {
      const visitor = new Visitor(await serve(t, program, args, store));
      assert.equal(await visitor.ask("/count"), "1");
      assert.equal(await visitor.ask("/count"), "2");
      await Promise.all(Array.from({ length: 20 }, () => visitor.ask("/count")));
      assert.equal(await visitor.ask("/read"), '{"count":22,"userId":null}');

      const anonymous = visitor.cookie;
      await visitor.ask("/login");
      assert.notEqual(visitor.cookie, anonymous);
      assert.equal(await visitor.ask("/read"), '{"count":22,"userId":"ada"}');

      const left = visitor.cookie;
      await visitor.ask("/logout");
      assert.equal(visitor.cookie, "");
      assert.equal(await new Visitor(visitor.origin, left).ask("/read"), '{"userId":null}');
    });
  }

  test(`${runtime}: the adapter of node:http holds the response back until the session is stored`, { skip }, async (t) => {
    const visitor = new Visitor(await serve(t, program, args, "memory", "node"));
    assert.equal(await visitor.ask("/count"), "1");
    assert.equal(await visitor.ask("/hundred"), '{"count":101}');
    assert.equal(await visitor.ask("/count"), "102");
  });
}

/** A browser with one cookie. */
class Visitor {
  readonly origin: string;
  cookie: string;

  constructor(origin: string, cookie = "") {
    this.origin = origin;
    this.cookie = cookie;
  }

  async ask(path: string): Promise<string> {
    const response = await fetch(this.origin + path, { headers: { cookie: this.cookie }, redirect: "manual" });
    const [set] = response.headers.getSetCookie();
    if (set !== undefined) this.cookie = /max-age=0/i.test(set) ? "" : (set.split(";")[0] ?? "");
    const text = await response.text();
    assert.ok(response.status < 400, `${path} was answered with ${response.status}: ${text}`);
    return text;
  }
}

/** Starts the server in another runtime, and ends it with the test. Gives its origin. */
async function serve(t: TestContext, program: string, args: readonly string[], ...more: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-runtime-"));
  const child = spawn(program, [...args, folder, ...more], { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    rmSync(folder, { recursive: true, force: true });
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^port (?<port>\d+)$/.exec(line)?.groups?.port;
    if (port !== undefined) return `http://127.0.0.1:${port}`;
  }
  throw new Error(`${program} ended before it served`);
}
