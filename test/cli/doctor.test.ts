import assert from "node:assert/strict";
import { chmodSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { isNetworkFilesystem } from "../../src/cli/doctor/files.ts";
import { generateKey } from "../../src/crypto/key-ring.ts";
import { json, sojourn, workFolder } from "./_program.ts";
import { seed, withSessions } from "./_seed.ts";

interface Found {
  readonly code: string;
  readonly severity: string;
  readonly title: string;
  readonly detail?: string;
  readonly fix: string;
}

const PRODUCTION = { NODE_ENV: "production" };

async function examined(folder: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const ending = await sojourn(["doctor", "--json", ...args], { cwd: folder, env });
  const report = json(ending.stdout) as { readonly ok: boolean; readonly findings: Found[]; readonly checked: string[] };
  const codes = report.findings.map(({ code, severity }) => `${severity} ${code}`);
  assert.equal(ending.code, report.ok ? 0 : 1);
  assert.equal(report.ok, !codes.some((one) => one.startsWith("error")));
  return { ...report, codes, ending };
}

function configured(folder: string, options: string, head = ""): string[] {
  writeFileSync(join(folder, "doctor.config.mjs"), `${head}\nexport default ${options};`);
  return ["--config", "doctor.config.mjs"];
}

describe("doctor", () => {
  it("finds nothing to mend in the defaults on a new database", async () => {
    const folder = workFolder();
    await withSessions(folder, "sqlite:sessions.db", (_sessions, store) => seed(store));
    const { codes, checked } = await examined(folder, [], PRODUCTION);
    assert.deepEqual(codes, ["note database-power-cut"]);
    assert.deepEqual(checked, ["cookie", "lifetimes", "store", "files", "database", "sessions"]);
    const text = await sojourn(["doctor"], { cwd: folder });
    assert.match(text.stdout, /^sqlite:sessions\.db {2}chosen by default\n/);
    assert.match(text.stdout, /note {5}database-power-cut\n/);
    assert.match(text.stdout, /0 errors, 0 warnings, 1 note\n$/);
  });

  it("finds nothing to mend in the defaults on a new folder", async () => {
    const folder = workFolder();
    await withSessions(folder, "file:sessions", (_sessions, store) => seed(store));
    assert.deepEqual((await examined(folder, ["--store", "file:sessions"], PRODUCTION)).codes, []);
  });

  it("makes neither a database nor a folder", async () => {
    const folder = workFolder();
    for (const store of ["sqlite:none.db", "file:none"]) {
      assert.deepEqual((await examined(folder, ["--store", store])).codes, ["note store-missing"]);
    }
    assert.deepEqual(readdirSync(folder), ["node_modules"]);
  });

  it("judges the cookie, and harder in production", async () => {
    const folder = workFolder();
    const development = configured(folder, `{ store: "memory:", cookie: { secure: false } }`);
    assert.deepEqual((await examined(folder, development)).codes, ["warning cookie-not-secure", "note memory-store"]);
    assert.deepEqual((await examined(folder, development, PRODUCTION)).codes, [
      "error cookie-not-secure",
      "error memory-store",
    ]);
    const cases: readonly (readonly [cookie: string, codes: readonly string[]])[] = [
      [`{ httpOnly: false }`, ["error cookie-script-readable"]],
      [`{ name: "sid" }`, ["warning cookie-no-prefix"]],
      [`{ domain: "example.com" }`, ["warning cookie-shared-domain"]],
      [`{ path: "/app" }`, []],
      [`{ sameSite: "none" }`, ["warning cookie-cross-site"]],
      [`{ sameSite: "none", partitioned: true }`, []],
      [`{ sameSite: false }`, ["warning cookie-same-site-unset"]],
      [`{ readAlso: ["sid"] }`, ["note cookie-old-names"]],
      [`{ sameSite: "strict" }`, []],
    ];
    for (const [cookie, codes] of cases) {
      const args = configured(folder, `{ store: "memory:", cookie: ${cookie} }`);
      const found = (await examined(folder, args)).codes.filter((code) => !code.endsWith("memory-store"));
      assert.deepEqual(found, codes, cookie);
    }
  });

  it("judges lifetimes and waiting", async () => {
    const folder = workFolder();
    const args = configured(
      folder,
      `{ store: "memory:", absoluteSeconds: 401 * 86400, firstSeconds: 2 * 86400, tombstoneSeconds: 1, contentionSeconds: 60,
         saveEveryRequest: true, refreshSeconds: 0 }`,
    );
    const { codes, findings } = await examined(folder, args);
    assert.deepEqual(codes, [
      ...[
        "warning lifetime-long",
        "warning lifetime-beyond-cookies",
        "warning first-lifetime-long",
        "warning tombstone-short",
      ],
      ...["warning contention-long", "note save-every-request", "note refresh-every-read", "note memory-store"],
    ]);
    for (const { title, fix } of findings) assert.ok(title !== "" && fix !== "");
  });

  it("judges a store that machines share by its codec and its clocks", async () => {
    const folder = workFolder();
    writeFileSync(
      join(folder, "network.mjs"),
      `export default { name: "net", reach: "network", durable: true, load() {}, create() {}, save() {}, touch() {}, retire() {} };`,
    );
    const head = `import { jsonCodec } from "sojourn"; import network from "./network.mjs";`;
    const check = async (options: string): Promise<string[]> =>
      (await examined(folder, configured(folder, `{ store: network, ${options} }`, head))).codes;
    assert.deepEqual(await check("clockSkewSeconds: 0"), ["warning skew-none", "warning codec-plain"]);
    const named = (name: string): string => `codec: { ...jsonCodec(), name: "${name}" }`;
    for (const name of ["rich", "compressed(json)", "compressed(rich)"])
      assert.deepEqual(await check(named(name)), ["warning codec-plain"]);
    for (const name of ["sealed(json)", "signed(compressed(json))", "of-my-own", "migrating(sealed(json), signed(json))"]) {
      assert.deepEqual(await check(named(name)), [], name);
    }
    assert.deepEqual(await check(named("migrating(sealed(json), compressed(json))")), ["warning codec-migrating"]);
  });

  it("judges a cookie store by what it cannot do", async () => {
    const folder = workFolder();
    const env = { SOJOURN_KEYS: generateKey() };
    const cookie = ["--store", "cookie:"];
    assert.deepEqual((await examined(folder, cookie, env)).codes, ["warning cookie-store-replay"]);
    const short = configured(folder, "{ idleSeconds: 3600, absoluteSeconds: 7200 }");
    assert.deepEqual((await examined(folder, [...short, ...cookie], env)).codes, ["note cookie-store-replay"]);
    const head = `import { cookieStore } from "sojourn/stores/cookie";`;
    const large = `{ store: cookieStore({ keys: process.env.SOJOURN_KEYS, mode: "signed", maxCookieBytes: 20000 }) }`;
    assert.deepEqual((await examined(folder, configured(folder, large, head), env)).codes, [
      ...["warning cookie-store-replay", "warning cookie-store-size", "note cookie-store-signed"],
    ]);
    const merging = configured(folder, "{ merge: { count: () => 1 } }");
    const { codes, findings } = await examined(folder, [...merging, ...cookie], env);
    assert.deepEqual(codes, ["error configuration-invalid"]);
    assert.match(String(findings[0]?.detail), /`merge` and `together` need a store that requests share/);
  });

  it("finds a configuration that cannot work, and a store that cannot be used", async () => {
    const folder = workFolder();
    const wrong = await examined(folder, configured(folder, `{ store: "memory:", idleSeconds: 100, absoluteSeconds: 10 }`));
    assert.deepEqual(wrong.codes, ["error configuration-invalid"]);
    assert.match(String(wrong.findings[0]?.detail), /`absoluteSeconds` is shorter/);
    for (const [store, body] of [
      ["sqlite:text.db", "this is no database at all, only text ".repeat(40)],
      ["file:text.db", "no folder"],
    ] as const) {
      writeFileSync(join(folder, "text.db"), body);
      assert.deepEqual(
        (await examined(folder, ["--store", store])).codes.filter((code) => code.startsWith("error")),
        ["error store-unusable"],
      );
    }
    assert.deepEqual((await examined(folder, ["--store", "cookie:"])).codes, ["error store-unusable"]);
  });

  it(
    "finds files that others may write or read",
    { skip: process.platform === "win32" ? "no such modes" : false },
    async () => {
      const folder = workFolder();
      for (const url of ["sqlite:sessions.db", "file:sessions"]) {
        await withSessions(folder, url, (_sessions, store) => seed(store));
        const path = join(folder, url.slice(url.indexOf(":") + 1));
        const open = url.startsWith("file:") ? [path, join(path, "sessions")] : [path];
        for (const [mode, code] of [
          [0o666, "error files-writable"],
          [0o644, "warning files-readable"],
          [0o600, undefined],
        ] as const) {
          for (const one of open) chmodSync(one, url.startsWith("file:") ? mode | ((mode & 0o444) >> 2) : mode);
          const codes = (await examined(folder, ["--store", url])).codes.filter((one) => one.includes("files-"));
          assert.deepEqual(codes, code === undefined ? [] : [code], `${url} ${mode.toString(8)}`);
        }
      }
      // What is inside is closed: the folder's own mode lets nobody read.
      chmodSync(join(folder, "sessions"), 0o755);
      assert.deepEqual((await examined(folder, ["--store", "file:sessions"])).codes, []);
    },
  );

  it("finds a database that is not in WAL mode", async () => {
    const folder = workFolder();
    await withSessions(folder, "sqlite:sessions.db", (_sessions, store) => seed(store));
    const database = new DatabaseSync(join(folder, "sessions.db"));
    database.exec("PRAGMA journal_mode = DELETE");
    database.close();
    const { codes, findings } = await examined(folder);
    assert.deepEqual(codes, ["warning database-not-wal"]);
    assert.equal(findings[0]?.detail, "Its mode is delete.");
  });

  it("looks at some sessions: what cannot be read, is long over, or is from the future", async () => {
    const folder = workFolder();
    await withSessions(folder, "sqlite:sessions.db", async (_sessions, store) => {
      for (let n = 0; n < 3; n++) await seed(store, {}, { expiresAt: Date.now() - 2 * 86_400_000 });
      await seed(store, {}, { createdAt: Date.now() + 5 * 3_600_000 });
      await seed(store, {}, { data: "damaged" });
    });
    const { codes, findings } = await examined(folder);
    assert.deepEqual(codes.slice(0, 3), ["warning sessions-unreadable", "warning expired-backlog", "warning clock-skew"]);
    assert.equal(findings[0]?.detail, "1 of 5 that were looked at.");
    assert.equal(findings[2]?.detail, "One began 5 hours from now.");
    const sealed = configured(
      folder,
      `{ store: "sqlite:sessions.db", codec: { ...jsonCodec(), decode() { throw new CodecError("key", "no such key"); } } }`,
      `import { CodecError, jsonCodec } from "sojourn";`,
    );
    assert.deepEqual((await examined(folder, sealed)).codes.slice(0, 1), ["error sessions-unreadable"]);
  });

  it("says what it could not look at, and why", async () => {
    const folder = workFolder();
    const args = configured(
      folder,
      `{ store: sqliteStore("own.db") }`,
      `import { sqliteStore } from "sojourn/stores/sqlite";`,
    );
    const { skipped, codes } = json((await sojourn(["doctor", "--json", ...args], { cwd: folder })).stdout) as {
      readonly skipped: readonly { readonly check: string; readonly reason: string }[];
      readonly codes?: undefined;
    };
    assert.equal(codes, undefined);
    assert.deepEqual(
      skipped.map(({ check }) => check),
      ["files", "database", "sessions"],
    );
    assert.match(String(skipped[0]?.reason), /--store sqlite:FILE/);
    assert.deepEqual((await examined(folder, args)).codes, ["warning table-pending"]);
  });

  it("knows network file systems by their numbers", () => {
    for (const type of [0x6969, 0xff534d42 | 0, 0x65735546]) assert.equal(isNetworkFilesystem(type), true);
    for (const type of [0xef53, 0x01021994, 0x794c7630, 0x58465342]) assert.equal(isNetworkFilesystem(type), false);
  });
});
