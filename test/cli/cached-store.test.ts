import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createSessions, type SessionStore } from "../../src/index.ts";
import { cachedStore } from "../../src/stores/cached.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { warm } from "../stores/cached/targets.ts";
import { errorOf, json, sojourn, workFolder } from "./_program.ts";
import { seed } from "./_seed.ts";

const URL_OPTION = ["--store", "cached:sqlite:sessions.db?cache=sqlite:copies.db"];

describe("a store with a cache in front", () => {
  it("is looked into behind the cache, and changed with it", async () => {
    const folder = workFolder();
    const [store, cache] = ["sessions.db", "copies.db"].map((name) => sqliteStore(join(folder, name)));
    const cached = cachedStore({ store: store as SessionStore, cache: cache as SessionStore });
    const sessions = createSessions({ store: cached });
    const { id, handle } = await seed(cached, { name: "Ann" });
    await warm(cached, handle);
    assert.equal((await sojourn(["list", ...URL_OPTION], { cwd: folder })).code, 0);
    const shown = await sojourn(["inspect", id, "--json", ...URL_OPTION], { cwd: folder });
    assert.equal(shown.code, 0, shown.stderr);
    assert.deepEqual(json(shown.stdout)["data"], { name: "Ann" });
    assert.equal((await sojourn(["revoke", id, ...URL_OPTION], { cwd: folder })).code, 0);
    // By the copy it would be there for seconds.
    assert.equal((await cached.load(handle)).status, "retired");
    await sessions.close();
  });

  it("is not made by looking, and its tables are those of the store", async () => {
    const folder = workFolder();
    const missing = await sojourn(["list", "--json", ...URL_OPTION], { cwd: folder });
    assert.equal(errorOf(missing)["code"], "ERR_CLI_STORE_MISSING");
    assert.ok(!existsSync(join(folder, "sessions.db")) && !existsSync(join(folder, "copies.db")));
    const { code, stdout } = await sojourn(["migrate", ...URL_OPTION], { cwd: folder });
    assert.equal(code, 0);
    assert.match(stdout, /^Migrated cached:sqlite:sessions\.db\?cache=sqlite:copies\.db: ran \d+ statements\.\n$/);
    assert.ok(existsSync(join(folder, "sessions.db")) && !existsSync(join(folder, "copies.db")));
    const malformed = await sojourn(["list", "--store", "cached:sqlite:sessions.db"], { cwd: folder });
    assert.match(malformed.stderr, /A cached store's URL is/);
  });
});
