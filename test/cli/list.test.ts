import assert from "node:assert/strict";
import { openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { describe, it } from "node:test";
import {
  commandLine,
  ended,
  environment,
  errorOf,
  json,
  onTerminal,
  sojourn,
  start,
  whyNoTerminal,
  workFolder,
} from "./_program.ts";
import { STORES, seed, withSessions } from "./_seed.ts";

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

for (const url of STORES) {
  describe(`list on ${url}`, () => {
    it("gives the live sessions in the order of their handles, a line each, with tabs between the fields", async () => {
      const folder = workFolder();
      const handles = await withSessions(folder, url, async (_sessions, store) => {
        await seed(store, { gone: true }, { expiresAt: Date.now() - 1000 });
        const over = await seed(store, { gone: true });
        await store.retire(over.handle, { reason: "ended", successor: null, token: "t", until: Date.now() + 60_000 });
        const live = [
          await seed(store, { n: 1 }),
          await seed(store, { n: 2 }, { userId: "ada" }),
          await seed(store, { n: 3 }),
        ];
        return live.map(({ handle }) => handle).sort();
      });
      const { code, stdout, stderr } = await sojourn(["list", "--store", url], { cwd: folder });
      assert.equal(code, 0);
      assert.equal(stderr, `3 sessions in ${url}.\n`);
      const rows = lines(stdout).map((line) => line.split("\t"));
      assert.deepEqual(
        rows.map(([handle]) => handle),
        handles,
      );
      for (const row of rows) {
        assert.equal(row.length, 6);
        assert.match(String(row[2]), /^\d{4}-\d\d-\d\dT.*Z$/);
        assert.match(String(row[5]), /^\{"n":[123]\}$/);
      }
      const ada = rows.find((row) => row[1] === "ada");
      assert.equal(ada?.[5], '{"n":2}');
    });

    it("gives JSON lines, pages by --limit and --after, and one user's sessions", async () => {
      const folder = workFolder();
      await withSessions(folder, url, async (_sessions, store) => {
        for (let n = 0; n < 5; n++)
          await seed(store, { n }, { userId: n < 2 ? "ada" : null, createdAt: Date.now() + n * 1000 });
      });
      const list = async (...options: string[]): Promise<Record<string, unknown>[]> =>
        lines((await sojourn(["list", "--json", "--store", url, ...options], { cwd: folder })).stdout).map(json);
      const all = await list();
      assert.deepEqual(Object.keys(all[0] ?? {}), [
        ...["handle", "state", "userId", "createdAt", "expiresAt", "version", "bytes", "data"],
      ]);
      const first = await list("--limit", "2");
      const rest = await list("--after", String(first[1]?.["handle"]));
      assert.deepEqual([...first, ...rest], all);
      assert.deepEqual(
        (await list("--user", "ada")).map(({ data }) => data),
        [{ n: 1 }, { n: 0 }],
      );
      assert.deepEqual(await list("--user", "nobody"), []);
      const redacted = await list("--user", "ada", "--redact");
      assert.deepEqual(
        redacted.map(({ userId, data }) => [userId, data]),
        [
          ["[redacted]", { n: "number" }],
          ["[redacted]", { n: "number" }],
        ],
      );
    });

    it("shows a session that cannot be decoded among the others", async () => {
      const folder = workFolder();
      await withSessions(folder, url, async (_sessions, store) => {
        await seed(store, { n: 1 });
        await seed(store, {}, { data: "nothing that a codec wrote" });
      });
      const { stdout, code } = await sojourn(["list", "--json", "--store", url], { cwd: folder });
      assert.equal(code, 0);
      assert.deepEqual(
        lines(stdout)
          .map((line) => json(line)["state"])
          .sort(),
        ["live", "unreadable"],
      );
    });
  });
}

describe("list", () => {
  it("writes out whatever a terminal would obey, and keeps JSON's meaning", async () => {
    const folder = workFolder();
    const hostile =
      "\u001B]0;owned\u0007\u001B[2J\u009B31m\u202Egpj\u2066\u200B\u0000\r\n\t\u2028\u{E0041}" + String.fromCharCode(0xd800);
    await withSessions(folder, "file:sessions", async (_sessions, store) => {
      await seed(
        store,
        { [hostile]: hostile, ["__proto__"]: 1, list: [hostile] },
        { userId: hostile.replaceAll(/[\0\uD800]/g, "") },
      );
    });
    const options = ["--store", "file:sessions"];
    const text = await sojourn(["list", ...options], { cwd: folder });
    const asJson = await sojourn(["list", "--json", ...options], { cwd: folder });
    const handle = String(json(asJson.stdout)["handle"]);
    const inspected = await sojourn(["inspect", handle, ...options], { cwd: folder });
    for (const { stdout } of [text, asJson, inspected]) {
      assert.match(stdout.replaceAll(/[\n\t]/g, ""), /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u);
    }
    assert.equal(lines(text.stdout).length, 1);
    assert.equal(lines(text.stdout)[0]?.split("\t").length, 6);
    const { data } = json(asJson.stdout) as { readonly data: Record<string, unknown> };
    assert.equal(data[hostile], hostile);
    assert.deepEqual(data["list"], [hostile]);
  });

  it("ends quietly when its reader goes away", async () => {
    const folder = workFolder();
    await withSessions(folder, "sqlite:sessions.db", async (_sessions, store) => {
      for (let n = 0; n < 300; n++) await seed(store, { text: "x".repeat(2000) });
    });
    const child = start(["list"], { cwd: folder });
    child.stdout?.once("data", () => child.stdout?.destroy());
    const { code, stderr } = await ended(child);
    assert.equal(code, 0);
    assert.match(stderr, /^\d+ sessions in sqlite:sessions\.db\.\n$/);
    assert.ok(Number.parseInt(stderr, 10) < 300, "and did not read on for nobody");
  });

  it(
    "says so when its output cannot be written",
    { skip: process.platform === "linux" ? false : "it needs /dev/full" },
    async () => {
      const folder = workFolder();
      const [program, ...args] = commandLine(["generate-key"]);
      const full = openSync("/dev/full", "w");
      const child = spawn(program, args, { cwd: folder, env: environment(), stdio: ["ignore", full, "pipe"] });
      const { code, stderr } = await ended(child);
      assert.equal(code, 1);
      assert.match(stderr, /The output cannot be written: .*ENOSPC/);
    },
  );

  it("refuses stores that nothing can be listed of", async () => {
    const folder = workFolder();
    const key = (await sojourn(["generate-key"], { cwd: folder })).stdout.trim();
    const codes: unknown[] = [];
    for (const store of ["memory:", "sqlite::memory:", "cookie:"]) {
      const ending = await sojourn(["list", "--json", "--store", store], { cwd: folder, env: { SOJOURN_KEYS: key } });
      codes.push([ending.code, errorOf(ending)["code"]]);
    }
    assert.deepEqual(codes, [
      [5, "ERR_CLI_STORE_PRIVATE"],
      [5, "ERR_CLI_STORE_PRIVATE"],
      [1, "ERR_CLI_STORE_STATELESS"],
    ]);
  });

  it("refuses a database that is another program's, and leaves it as it was", async () => {
    const folder = workFolder();
    const { DatabaseSync } = await import("node:sqlite");
    const path = join(folder, "app.db");
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE notes (text)");
    database.close();
    for (const args of [["list"], ["clear-expired"], ["revoke", "--user", "ada"], ["doctor"]]) {
      const { code, stderr, stdout } = await sojourn([...args, "--store", "sqlite:app.db"], { cwd: folder });
      assert.match(stderr + stdout, /ERR_CLI_NO_TABLE|table-pending/);
      assert.equal(code, args[0] === "doctor" ? 0 : 5);
    }
    const after = new DatabaseSync(path);
    assert.deepEqual(
      after
        .prepare("SELECT name FROM sqlite_master")
        .all()
        .map(({ name }) => name),
      ["notes"],
    );
    assert.equal(after.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "delete");
    after.close();
    assert.deepEqual(readdirSync(folder).sort(), ["app.db", "node_modules"]);
    writeFileSync(join(folder, "text.db"), "this is no database at all, only text ".repeat(40));
    const text = await sojourn(["list", "--json", "--store", "sqlite:text.db"], { cwd: folder });
    assert.deepEqual([text.code, errorOf(text)["code"]], [5, "ERR_SESSION_CONFIG"]);
  });

  it("has columns on a terminal, with colours, and none with NO_COLOR", { skip: whyNoTerminal() ?? false }, async () => {
    const folder = workFolder();
    const { handle } = await withSessions(folder, "sqlite:sessions.db", (_sessions, store) =>
      seed(store, { n: 1 }, { userId: "ada" }),
    );
    const coloured = await onTerminal(["list"], { cwd: folder });
    assert.match(coloured.stdout.replaceAll("\u001B", "ESC"), /ESC\[2mHANDLE +EXPIRES +USERESC\[22m/);
    const plain = await onTerminal(["list"], { cwd: folder, env: { NO_COLOR: "1" } });
    assert.equal(
      plain.stdout.replaceAll("\r", ""),
      [
        `HANDLE${" ".repeat(44)}EXPIRES         USER`,
        `${handle}  in 60 minutes   ada`,
        '  {"n":1}',
        "1 session in sqlite:sessions.db.\n",
      ].join("\n"),
    );
  });
});
