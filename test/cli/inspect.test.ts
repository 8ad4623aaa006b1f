import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { type Ending, json, sojourn, workFolder } from "./_program.ts";
import { type Seeded, STORES, seed, withSessions } from "./_seed.ts";

const UNKNOWN_ID = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

async function inspected(folder: string, url: string, typed: string, ...options: string[]): Promise<Ending> {
  return sojourn(["inspect", typed, "--store", url, ...options], { cwd: folder });
}

for (const url of STORES) {
  describe(`inspect on ${url}`, () => {
    it("shows a live session, decoded, for its id and for its handle", async () => {
      const folder = workFolder();
      const { id, handle } = await withSessions(folder, url, (_sessions, store) =>
        seed(store, { count: 3, cart: [{ sku: "A-1" }] }, { userId: "ada" }),
      );
      for (const typed of [id, handle]) {
        const text = await inspected(folder, url, typed);
        assert.equal(text.code, 0);
        assert.match(text.stdout, new RegExp(`^Session  ${handle}\\n`));
        assert.match(text.stdout, /state +live\n/);
        assert.match(text.stdout, /user +ada\n/);
        assert.match(text.stdout, /"count": 3/);
        assert.match(text.stdout, /"sku": "A-1"/);
        assert.ok(!text.stdout.includes(id), "the id is never shown");
      }
      const { stdout, stderr, code } = await inspected(folder, url, id, "--json");
      assert.equal(code, 0);
      assert.equal(stderr, "");
      const shown = json(stdout);
      assert.deepEqual(
        [shown["handle"], shown["state"], shown["store"], shown["userId"], shown["redacted"]],
        [handle, "live", url, "ada", false],
      );
      assert.deepEqual(shown["data"], { count: 3, cart: [{ sku: "A-1" }] });
      assert.deepEqual(shown["notes"], { flash: 0 });
      assert.match(String(shown["expiresAt"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    });

    it("tells expired, ended, rotated, revoked and missing apart", async () => {
      const folder = workFolder();
      const planted = await withSessions(folder, url, async (_sessions, store) => {
        const expired = await seed(store, { old: true }, { expiresAt: Date.now() - 60_000 });
        const ended = await seed(store);
        await store.retire(ended.handle, { reason: "ended", successor: null, token: "t", until: Date.now() + 60_000 });
        const rotated = await seed(store);
        await store.retire(rotated.handle, { reason: "rotated", successor: null, token: "t", until: Date.now() + 60_000 });
        const revoked = await seed(store, {}, { userId: "eve" });
        await store.users?.advanceEpoch("eve", 5);
        return { expired, ended, rotated, revoked } satisfies Record<string, Seeded>;
      });
      for (const [state, { id, handle }] of Object.entries(planted)) {
        const { stdout, code } = await inspected(folder, url, id, "--json");
        assert.deepEqual([code, json(stdout)["state"], json(stdout)["handle"]], [3, state, handle]);
      }
      const expired = await inspected(folder, url, planted.expired.id);
      assert.match(expired.stdout, /state +expired {2}Its time is over/);
      assert.match(expired.stdout, /"old": true/, "what is left of it is shown");
      const missing = await inspected(folder, url, UNKNOWN_ID, "--json");
      assert.deepEqual([missing.code, json(missing.stdout)["state"]], [3, "missing"]);
    });

    it("shows what cannot be decoded as unreadable, and never as missing", async () => {
      const folder = workFolder();
      const { id } = await withSessions(folder, url, (_sessions, store) => seed(store, {}, { data: "e1:bm90IHlvdXJz" }));
      const { stdout, code } = await inspected(folder, url, id, "--json");
      assert.deepEqual([code, json(stdout)["state"], json(stdout)["reason"]], [4, "unreadable", "format"]);
      const text = await inspected(folder, url, id);
      assert.match(text.stdout, /unreadable .*\(format\)\n[^]*fix +.*Restore the key/);
    });

    it("hides values and the user with --redact, and shows only the keys that --keys names", async () => {
      const folder = workFolder();
      const data = { name: "Ada Lovelace", cart: [1, 2, 3, 4, 5], nested: { secret: "hush" }, none: null };
      const { id } = await withSessions(folder, url, (_sessions, store) => seed(store, data, { userId: "ada@example.org" }));
      const redacted = await inspected(folder, url, id, "--redact", "--json");
      const shown = json(redacted.stdout);
      assert.deepEqual(shown["data"], {
        name: "string(12)",
        cart: ["number", "number", "number", "2 more"],
        nested: { secret: "string(4)" },
        none: "null",
      });
      assert.deepEqual([shown["userId"], shown["redacted"]], ["[redacted]", true]);
      for (const { stdout } of [redacted, await inspected(folder, url, id, "--redact")]) {
        for (const secret of ["Ada", "hush", "example.org"]) assert.ok(!stdout.includes(secret));
      }
      const picked = await inspected(folder, url, id, "--keys", "name,none", "--json");
      assert.deepEqual(json(picked.stdout)["data"], { name: "Ada Lovelace", none: null });
    });

    it("changes nothing and makes nothing, in a folder without a store", async () => {
      const folder = workFolder();
      const { code, stderr } = await inspected(folder, url, UNKNOWN_ID);
      assert.equal(code, 5);
      assert.match(stderr, /ERR_CLI_STORE_MISSING/);
      assert.deepEqual(readdirSync(folder), ["node_modules"]);
    });
  });
}

describe("inspect", () => {
  it("takes an id that begins with a hyphen for an id", async () => {
    const folder = workFolder();
    const id = `-x${UNKNOWN_ID.slice(2)}`;
    await withSessions(folder, "sqlite:sessions.db", (_sessions, store) => seed(store, { here: 1 }, { id }));
    const { code, stdout } = await sojourn(["inspect", id, "--json"], { cwd: folder });
    assert.deepEqual([code, json(stdout)["data"]], [0, { here: 1 }]);
  });

  it("reads a pasted Cookie header, and the standard input for a hyphen", async () => {
    const folder = workFolder();
    const { id, handle } = await withSessions(folder, "sqlite:sessions.db", (_sessions, store) => seed(store, { here: 1 }));
    const header = `Cookie: theme=dark; __Host-sid=${id}; lang=en`;
    assert.equal(json((await sojourn(["inspect", header, "--json"], { cwd: folder })).stdout)["handle"], handle);
    const piped = await sojourn(["inspect", "-", "--json"], { cwd: folder, input: `${header}\n` });
    assert.equal(json(piped.stdout)["handle"], handle);
  });
});
