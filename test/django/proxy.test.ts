import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Pool } from "pg";
import { needs } from "../servers/needs.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";
import { freePort } from "../servers/process.ts";
import { askPort, Browser, startSite } from "./site.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const GUIDE = readFileSync(join(ROOT, "docs/django/moving.md"), "utf8");
const SECRET = "the secret of the guide";
const SOURCE = "--conditions=sojourn:source";

/** A file that the guide shows. */
function fileOf(name: string): string {
  const blocks = [...GUIDE.matchAll(/^( *)```ts\n\1\/\/ file: (\S+)\n(.*?)\n\1```$/gms)];
  const block = blocks.find(([, , file]) => file === name);
  assert.ok(block?.[3] !== undefined, `the guide has no ${name}`);
  return block[3].replaceAll(new RegExp(`^${block[1]}`, "gm"), "");
}

/** A reverse proxy that sends each path where its table says. */
class Proxy {
  readonly #server: Server;
  readonly #routes = new Map<string, number>();
  #rest = 0;
  port = 0;

  constructor() {
    this.#server = createServer((req, res) => {
      const path = (req.url ?? "/").split("?")[0] ?? "/";
      const { method, headers, url } = req;
      const onward = request({ port: this.#routes.get(path) ?? this.#rest, host: "127.0.0.1", method, headers, path: url });
      onward.on("response", (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(res);
      });
      onward.on("error", () => res.writeHead(502).end("nobody is there"));
      req.pipe(onward);
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Sends some paths to a port, and all others to another. */
  send(rest: number, paths: readonly string[] = [], port = 0): void {
    this.#rest = rest;
    this.#routes.clear();
    for (const path of paths) this.#routes.set(path, port);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe("the guide to moving off Django, with two servers behind one proxy", { skip: needs("django", "postgres") }, () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-moving-"));
  const proxy = new Proxy();
  const running = new Set<ChildProcess>();
  let database: PostgresServer;
  let django: Awaited<ReturnType<typeof startSite>>;
  let env: Record<string, string>;

  const ask = (browser: Browser, path: string, query: Record<string, string> = {}): Promise<unknown> =>
    askPort(proxy.port, browser, path, query);

  const startDjango = async (): Promise<void> => {
    const login = { NAME: database.database, USER: database.user, HOST: "127.0.0.1", PORT: database.port };
    django = await startSite({
      secretKey: SECRET,
      engine: "db",
      database: { ENGINE: "django.db.backends.postgresql", ...login },
    });
  };

  /** Starts a server of the guide's, and gives its port once it answers. */
  const startFile = async (name: string): Promise<{ readonly port: number; stop(): Promise<void> }> => {
    writeFileSync(join(folder, name), fileOf(name));
    const port = await freePort();
    const child = spawn(process.execPath, [SOURCE, name], {
      cwd: folder,
      env: { ...env, PORT: String(port) },
      stdio: ["ignore", "ignore", "inherit"],
    });
    running.add(child);
    const ended = once(child, "exit");
    for (;;) {
      const answers = await fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      );
      if (answers) break;
      assert.equal(child.exitCode, null, `${name} ended`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const stop = async (): Promise<void> => {
      child.kill();
      await ended;
      running.delete(child);
    };
    return { port, stop };
  };

  const sojourn = async (...args: string[]): Promise<Record<string, unknown>> => {
    const child = spawn(process.execPath, [SOURCE, join(ROOT, "src/cli/main.ts"), ...args, "--json"], { cwd: folder, env });
    let output = "";
    let problems = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (problems += text));
    const [code] = (await once(child, "close")) as [number | null];
    assert.equal(code, 0, problems);
    return JSON.parse(output) as Record<string, unknown>;
  };

  const importAll = (...more: string[]): Promise<Record<string, unknown>> =>
    sojourn("import", "--from", "django", database.url, "--to", database.url, ...more);

  before(async () => {
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(ROOT, join(folder, "node_modules", "sojourn"), "dir");
    symlinkSync(join(ROOT, "node_modules", "pg"), join(folder, "node_modules", "pg"), "dir");
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "users.ts"), fileOf("users.ts"));
    database = await startPostgres();
    env = { PATH: process.env["PATH"] ?? "", HOME: folder, SECRET_KEY: SECRET, DATABASE_URL: database.url };
    await startDjango();
    await proxy.listen();
  });
  after(async () => {
    for (const child of running) child.kill();
    await proxy.close();
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const visitors = {
    ada: new Browser(),
    eve: new Browser(),
    guest: new Browser(),
    away: new Browser(),
    leaver: new Browser(),
  };
  const NAMES = ["ada", "eve", "away", "leaver"] as const;

  test("visitors keep their sessions through every step, and what was ended stays ended", async (t) => {
    const { ada, eve, guest, away, leaver } = visitors;
    let djangoPort = 0;
    await t.test("1. one login serves both sides, behind one proxy", async () => {
      djangoPort = django.port;
      proxy.send(djangoPort);
      for (const user of NAMES) {
        await ask(new Browser(), "/user", { user, password: "first" });
        await ask(visitors[user], "/login", { user, password: "first" });
      }
      await ask(guest, "/count");
      const shared = await startFile("shared.ts");
      proxy.send(djangoPort, ["/who"], shared.port);
      assert.equal(await ask(ada, "/who"), "ada");
      assert.equal(await ask(guest, "/who"), null);

      // The counter alternates, whoever has the route.
      for (let count = 1; count <= 6; count++) {
        proxy.send(djangoPort, count % 2 === 0 ? ["/count", "/who"] : ["/who"], shared.port);
        assert.equal(await ask(ada, "/count"), count);
      }

      // A message from the one side is shown by the other.
      proxy.send(djangoPort, ["/welcome"], shared.port);
      await ask(ada, "/welcome");
      assert.deepEqual(await ask(ada, "/messages"), [[25, "Welcome to the new pages", null]]);
      proxy.send(djangoPort, ["/messages"], shared.port);
      await ask(ada, "/message", { text: "from Django" });
      assert.deepEqual(await ask(ada, "/messages"), ["from Django"]);

      // A logout on either side is one on both.
      for (const [out, who] of [
        [["/logout"], []],
        [[], ["/who"]],
      ] as const) {
        const user = new Browser();
        proxy.send(djangoPort);
        await ask(user, "/login", { user: "eve", password: "first" });
        const stolen = user.copy();
        proxy.send(djangoPort, [...out, ...who], shared.port);
        await ask(user, "/logout");
        for (const browser of [user, stolen]) {
          if (who.length > 0) assert.equal(await ask(browser, "/who"), null);
          else assert.equal(((await ask(browser, "/show")) as { user: string }).user, "");
        }
      }

      // Route by route.
      const moved: string[] = [];
      for (const path of ["/who", "/count", "/messages", "/welcome", "/logout"]) {
        moved.push(path);
        proxy.send(djangoPort, moved, shared.port);
        assert.equal(((await ask(eve, "/show")) as { user: string }).user, "eve");
      }
      assert.equal(await ask(eve, "/who"), "eve");
      assert.equal(await ask(ada, "/count"), 7);

      // Beforehand, while all runs on.
      await sojourn("migrate", "--store", database.url);
      const dry = await importAll("--dry-run");
      const first = await importAll();
      assert.deepEqual([first["moved"], first["unreadable"]], [5, 0]);
      assert.equal(dry["moved"], 5);
      await ask(ada, "/count");
      const stolen = leaver.copy();
      await ask(leaver, "/logout");
      // The switch.
      proxy.send(0);
      await django.stop();
      await shared.stop();
      const last = await importAll("--prune");
      assert.deepEqual([last["updated"], last["already"], last["pruned"], last["moved"]], [1, 3, 1, 0]);
      leaver.take([`sessionid=${stolen.session ?? ""}`]);
    });

    await t.test("3. Django is off, and everybody is still there", async () => {
      const moved = await startFile("moved.ts");
      proxy.send(moved.port);
      assert.equal(await ask(ada, "/who"), "ada");
      assert.equal(await ask(ada, "/count"), 9);
      assert.equal(ada.session, undefined, "the cookie has its new name");
      assert.equal(await ask(eve, "/who"), "eve");
      assert.equal(await ask(guest, "/count"), 2);
      assert.equal(await ask(leaver, "/who"), null, "a logout after the first import stays one");
      // A password that is changed now ends the logins of before.
      const pool = new Pool({ connectionString: database.url });
      await pool.query("UPDATE auth_user SET password = password || 'x' WHERE username = 'eve'");
      assert.equal(await ask(eve, "/who"), null);
      await ask(ada, "/welcome");
      // The way back begins: the table is emptied.
      await pool.query("DELETE FROM django_session");
      await pool.end();
      await moved.stop();
    });

    await t.test("the way back: each visitor is taken over with a visit, and Django knows them again", async () => {
      const back = await startFile("back.ts");
      proxy.send(back.port);
      const stolen = ada.copy();
      assert.equal(await ask(ada, "/who"), "ada");
      assert.equal(await ask(ada, "/count"), 10);
      assert.equal(await ask(guest, "/count"), 3);
      assert.equal(await ask(away, "/who"), "away", "imported, and not seen until now");
      assert.equal(await ask(eve, "/who"), null);
      assert.equal(await ask(stolen, "/who"), null, "the old session is over");
      await startDjango();
      proxy.send(django.port, ["/who"], back.port);
      const show = async (browser: Browser): Promise<unknown> => ((await ask(browser, "/show")) as { user: string }).user;
      assert.deepEqual([await show(ada), await show(away), await show(guest), await show(eve)], ["ada", "away", "", ""]);
      assert.equal(await ask(ada, "/count"), 11);
      assert.equal(await ask(guest, "/count"), 4);
      assert.deepEqual(await ask(ada, "/messages"), [[25, "Welcome to the new pages", null]]);
      assert.equal(await ask(ada, "/who"), "ada");
      await back.stop();
      proxy.send(django.port);
      assert.equal(await show(ada), "ada");
      await ask(ada, "/logout");
      assert.equal(await show(ada), "");
      await django.stop();
    });
  });
});
