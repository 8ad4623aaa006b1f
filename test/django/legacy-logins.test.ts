import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { nodeSession } from "../../src/adapters/node.ts";
import {
  authHash,
  djangoCodec,
  type DjangoCodecOptions,
  djangoKeys,
  djangoLogin,
  djangoSessions,
  djangoUser,
  newSessionKey,
} from "../../src/django/index.ts";
import { signedCookieEngine } from "../../src/django/engines/signed-cookies.ts";
import { dumps, loads, SIGNED_COOKIE_SALT } from "../../src/django/signing.ts";
import { askPort, Browser } from "./site.ts";

const KEYS = djangoKeys({ secretKey: "secret" });
const PASSWORD = "pbkdf2$7";
const SHA1 = authHash(KEYS, PASSWORD, { hash: "sha1" });
const SHA256 = authHash(KEYS, PASSWORD);

/** Visits a session of user 7 that Django made before 3.1, and gives who that is, and the hash that is stored after. */
async function visited(legacy: DjangoCodecOptions["legacy"], path: string, hash = SHA1): Promise<readonly unknown[]> {
  const sqlite = new DatabaseSync(":memory:");
  sqlite.exec("CREATE TABLE django_session (session_key text PRIMARY KEY, session_data text, expire_date text)");
  const codec = djangoCodec({ keys: KEYS, legacy: legacy ?? "refuse" });
  const login = {
    _auth_user_id: "7",
    _auth_user_backend: "django.contrib.auth.backends.ModelBackend",
    _auth_user_hash: hash,
  };
  const key = newSessionKey();
  const insert = sqlite.prepare("INSERT INTO django_session VALUES (?, ?, '2999-01-01 00:00:00')");
  insert.run(key, codec.encode(codec.stringify(login), { place: key }));
  const engine = { name: "db", database: { sqlite } } as const;
  const sessions = djangoSessions({ secretKey: "secret", engine, legacy, cookie: { secure: false } });
  const server = createServer(
    nodeSession(sessions).wrap(async (req, res) => {
      const session = sessions.of(req);
      if (req.url?.startsWith("/login") === true) await djangoLogin(session, { id: "7", password: PASSWORD });
      const found = await djangoUser(session, { findUser: () => ({ password: PASSWORD }) });
      res.end(JSON.stringify(found?.id ?? null));
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  try {
    const browser = new Browser();
    browser.take([`sessionid=${key}`]);
    const id = await askPort(typeof address === "object" && address !== null ? address.port : 0, browser, path);
    const [row] = sqlite.prepare("SELECT session_data FROM django_session").all();
    const data = row === undefined ? {} : codec.parse(codec.decode(String(row["session_data"]), { place: "" }));
    return [id, data["_auth_user_hash"] ?? null, browser.session === key];
  } finally {
    server.closeAllConnections();
    server.close();
    await sessions.close();
  }
}

describe("logins that Django made with SHA-1", () => {
  test("are ended by default, as Django 4.0 and later do", async () => {
    assert.deepEqual((await visited("refuse", "/who")).slice(0, 2), [null, null]);
  });

  test("hold with `legacy: read`, and are noted with SHA-256 from then on", async () => {
    assert.deepEqual(await visited("read", "/who"), ["7", SHA256, false]);
    assert.deepEqual((await visited("read", "/login")).slice(0, 2), ["7", SHA256]);
  });

  test("hold with `legacy: write`, and stay what a Django before 3.1 knows", async () => {
    assert.deepEqual(await visited("write", "/who"), ["7", SHA1, true]);
    assert.deepEqual(await visited("write", "/login"), ["7", SHA1, true]);
    assert.deepEqual(await visited("write", "/who", SHA256), ["7", SHA1, false]);
  });

  test("are ended all the same when the password is another", async () => {
    const other = authHash(KEYS, "another", { hash: "sha1" });
    for (const legacy of ["read", "write"] as const) {
      assert.deepEqual((await visited(legacy, "/who", other)).slice(0, 2), [null, null]);
    }
  });
});

test("signed cookies of a Django before 3.1 are read and written as `legacy` says", () => {
  const at = Date.now();
  const cookie = dumps(KEYS, '{"n":1}', { salt: SIGNED_COOKIE_SALT, at, hash: "sha1" });
  for (const legacy of ["refuse", "read", "write"] as const) {
    const engine = signedCookieEngine({ keys: KEYS, cookieAgeSeconds: 60, now: () => at, legacy });
    const opened = engine.open(cookie, "sessionid");
    assert.equal(opened.status, legacy === "refuse" ? "missing" : "live");
    if (opened.status !== "live") continue;
    const written = engine.seal(opened.record, "sessionid");
    assert.equal(written === cookie, legacy === "write");
    assert.equal(loads(KEYS, written, { salt: SIGNED_COOKIE_SALT }).status, legacy === "write" ? "invalid" : "ok");
  }
});
