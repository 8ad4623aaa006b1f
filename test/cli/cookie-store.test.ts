import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSessions, type Sessions, type StatelessStore } from "../../src/index.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { generateKey } from "../../src/crypto/key-ring.ts";
import { type Ending, errorOf, json, sojourn, workFolder } from "./_program.ts";

const folder = workFolder();
const key = generateKey();

function sessionsWith(
  options: { readonly name?: string; readonly mode?: "signed" | "sealed"; readonly now?: number } = {},
): Sessions {
  const { name, mode, now } = options;
  const clock = now === undefined ? {} : { clock: { now: () => now, sleep: async () => {} } };
  const store: StatelessStore = cookieStore({ keys: key, mode });
  return createSessions({ store, cookie: name === undefined ? {} : { name }, ...clock });
}

function inspect(typed: string, keys = key, ...options: string[]): Promise<Ending> {
  return sojourn(["inspect", typed, "--json", "--store", "cookie:", ...options], {
    cwd: folder,
    env: { SOJOURN_KEYS: keys },
  });
}

describe("inspect with a cookie store", () => {
  it("opens a value, its name=value, a whole header and a Set-Cookie, sealed or signed", async () => {
    for (const mode of ["sealed", "signed"] as const) {
      const { cookie, setCookie } = await sessionsWith({ mode }).create({ data: { count: 3 }, userId: "ada" });
      const value = cookie.slice(cookie.indexOf("=") + 1);
      for (const typed of [
        value,
        cookie,
        `Cookie: a=b; ${cookie}; c=d`,
        `< Set-Cookie: ${setCookie[0]}`,
        encodeURIComponent(value),
      ]) {
        const { code, stdout, stderr } = await inspect(typed);
        assert.equal(code, 0, stderr);
        const { state, data, userId } = json(stdout);
        assert.deepEqual({ state, data, userId }, { state: "live", data: { count: 3 }, userId: "ada" });
        assert.ok(!stdout.includes(value));
      }
    }
  });

  it("joins a value that is split over several cookies", async () => {
    const text = Array.from({ length: 400 }, (_, n) => `item ${n}`).join(" ");
    const { cookie, setCookie } = await sessionsWith().create({ data: { text } });
    assert.ok(setCookie.length > 1);
    assert.deepEqual(json((await inspect(`Cookie: ${cookie}`)).stdout)["data"], { text });
    assert.deepEqual(json((await inspect(setCookie.map((line) => `Set-Cookie: ${line}`).join("\n"))).stdout)["data"], {
      text,
    });
  });

  it("finds the cookie's name in what was pasted, or takes it from --cookie-name", async () => {
    const { cookie } = await sessionsWith({ name: "visit" }).create({ data: { here: true } });
    assert.equal((await inspect(`theme=dark; ${cookie}`)).code, 0);
    const value = cookie.slice("visit=".length);
    assert.equal((await inspect(value, key, "--cookie-name", "visit")).code, 0);
    const unnamed = await inspect(value);
    assert.deepEqual([unnamed.code, json(unnamed.stdout)["state"]], [4, "tampered"]);
  });

  it("tells expired, tampered, another key and nothing of its own apart", async () => {
    const { cookie } = await sessionsWith().create({ data: { secret: "hush" } });
    const { cookie: old } = await sessionsWith({ now: Date.now() - 90 * 86_400_000 }).create({ data: {} });
    const cases: readonly (readonly [typed: string, keys: string, code: number, state: string])[] = [
      [old, key, 3, "expired"],
      [`${cookie.slice(0, -6)}AAAAAA`, key, 4, "tampered"],
      [cookie, generateKey(), 4, "unreadable"],
      [cookie, `${generateKey()} ${key}`, 0, "live"],
      ["A".repeat(32), key, 3, "missing"],
    ];
    for (const [typed, keys, code, state] of cases) {
      const ending = await inspect(typed, keys);
      assert.deepEqual([ending.code, json(ending.stdout)["state"]], [code, state]);
    }
  });

  it("says that keys are needed, and never shows one", async () => {
    const none = await inspect("sid=x", "");
    assert.deepEqual([none.code, errorOf(none)["code"]], [5, "ERR_SESSION_CONFIG"]);
    assert.match(String(errorOf(none)["message"]), /SOJOURN_KEYS/);
    const weak = "password-password-password-password-password";
    const ending = await inspect("sid=x", weak);
    assert.equal(ending.code, 5);
    assert.ok(!ending.stderr.includes(weak));
  });

  it("is what a sealed value needs, and the error says so", async () => {
    const { cookie } = await sessionsWith().create({ data: {} });
    const ending = await sojourn(["migrate", "--store", "sqlite:x.db"], { cwd: folder });
    assert.equal(ending.code, 0);
    const wrong = await sojourn(["inspect", cookie, "--json", "--store", "sqlite:x.db"], { cwd: folder });
    assert.deepEqual([wrong.code, errorOf(wrong)["code"]], [2, "ERR_CLI_NOT_A_SESSION"]);
    assert.match(String(errorOf(wrong)["fix"]), /--store cookie:.*SOJOURN_KEYS/);
  });
});
