import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { errorOf, json, onTerminal, sojourn, whyNoTerminal, workFolder } from "./_program.ts";
import { STORES, seed, withSessions } from "./_seed.ts";

for (const url of STORES) {
  describe(`revoke on ${url}`, () => {
    it("ends a session by its id or its handle, once", async () => {
      const folder = workFolder();
      const [one, two] = await withSessions(
        folder,
        url,
        async (_sessions, store) => [await seed(store), await seed(store)] as const,
      );
      const first = await sojourn(["revoke", one.handle, "--store", url], { cwd: folder });
      assert.deepEqual([first.code, first.stdout, first.stderr], [0, `Ended the session ${one.handle}.\n`, ""]);
      const second = await sojourn(["revoke", `__Host-sid=${two.id}`, "--json", "--store", url], { cwd: folder });
      assert.deepEqual([second.code, json(second.stdout)], [0, { handle: two.handle, revoked: true }]);
      const again = await sojourn(["revoke", two.id, "--json", "--store", url], { cwd: folder });
      assert.deepEqual([again.code, json(again.stdout)], [3, { handle: two.handle, revoked: false }]);
      await withSessions(folder, url, async (sessions) => {
        assert.equal(await sessions.find(one.id), null);
        assert.equal(await sessions.find(two.id), null);
      });
    });

    it("ends all sessions of a user but the one to keep", async () => {
      const folder = workFolder();
      const { kept, other } = await withSessions(folder, url, async (sessions) => {
        const made = [];
        for (let n = 0; n < 3; n++) made.push(await sessions.create({ data: { n }, userId: "ada" }));
        return { kept: made[1], other: await sessions.create({ data: {}, userId: "eve" }) };
      });
      const args = ["revoke", "--user", "ada", "--except", String(kept?.id), "--json", "--store", url];
      const { code, stdout } = await sojourn(args, { cwd: folder });
      assert.deepEqual([code, json(stdout)], [0, { userId: "ada", revoked: 2, kept: kept?.handle }]);
      await withSessions(folder, url, async (sessions) => {
        assert.deepEqual(
          (await sessions.ofUser("ada")).map(({ handle }) => handle),
          [kept?.handle],
        );
        assert.notEqual(await sessions.find(other.handle), null);
      });
      const none = await sojourn(["revoke", "--user", "nobody", "--store", url], { cwd: folder });
      assert.deepEqual([none.code, none.stdout], [0, "Ended 0 sessions of the user nobody.\n"]);
    });

    it("ends nothing when the session to keep is not the user's", async () => {
      const folder = workFolder();
      const eve = await withSessions(folder, url, async (sessions) => {
        await sessions.create({ data: {}, userId: "ada" });
        return sessions.create({ data: {}, userId: "eve" });
      });
      const args = ["revoke", "--user", "ada", "--except", eve.handle, "--json", "--store", url];
      const ending = await sojourn(args, { cwd: folder });
      assert.deepEqual([ending.code, errorOf(ending)["code"]], [3, "ERR_CLI_EXCEPT"]);
      await withSessions(folder, url, async (sessions) => assert.equal((await sessions.ofUser("ada")).length, 1));
    });
  });
}

describe("revoke", () => {
  it("ends a session that cannot be read", async () => {
    const folder = workFolder();
    const { handle } = await withSessions(folder, "sqlite:sessions.db", (_sessions, store) =>
      seed(store, {}, { data: "damaged" }),
    );
    assert.equal((await sojourn(["revoke", handle], { cwd: folder })).code, 0);
    const { stdout } = await sojourn(["inspect", handle, "--json"], { cwd: folder });
    assert.equal(json(stdout)["state"], "ended");
  });

  it("ends a user's sessions though the file of one is damaged", async () => {
    const folder = workFolder();
    const [damaged, sound] = await withSessions(folder, "file:sessions", async (sessions) => [
      await sessions.create({ data: {}, userId: "ada" }),
      await sessions.create({ data: {}, userId: "ada" }),
    ]);
    writeFileSync(
      join(folder, "sessions/sessions", damaged?.handle.slice(0, 2) ?? "", `${damaged?.handle}.json`),
      "garbage",
    );
    const { stdout } = await sojourn(["revoke", "--user", "ada", "--json", "--store", "file:sessions"], { cwd: folder });
    assert.equal(json(stdout)["revoked"], 1);
    await withSessions(folder, "file:sessions", async (sessions) => {
      assert.equal(await sessions.find(sound?.handle ?? ""), null);
    });
  });

  it("needs a session or a user, and not both", async () => {
    const folder = workFolder();
    for (const args of [
      [],
      ["a".repeat(48), "--user", "ada"],
      ["--except", "a".repeat(48)],
      ["not a session"],
      ["--user", ""],
    ]) {
      const ending = await sojourn(["revoke", "--json", ...args, "--store", "sqlite:none.db"], { cwd: folder });
      const missing = args[0] === "not a session";
      assert.equal(ending.code, missing ? 5 : 2, args.join(" "));
    }
  });

  it("asks on a terminal, and takes only yes for yes", { skip: whyNoTerminal() ?? false }, async () => {
    const folder = workFolder();
    const { handle } = await withSessions(folder, "sqlite:sessions.db", async (sessions) => {
      await sessions.create({ data: {}, userId: "ada" });
      return sessions.create({ data: {}, userId: "ada" });
    });
    const user = ["revoke", "--user", "ada", "--except", handle];
    for (const answer of ["n\n", "\n", "yup\n", "\u0004"]) {
      const { code, stdout } = await onTerminal(user, { cwd: folder, input: answer, env: { NO_COLOR: "1" } });
      assert.equal(code, 1, JSON.stringify(answer));
      assert.match(stdout, /End 1 other session of the user ada\? \[y\/N\]/);
      assert.match(stdout, /ERR_CLI_CANCELLED/);
    }
    assert.equal((await onTerminal(user, { cwd: folder, input: "y\n" })).code, 0);
    const { code, stdout } = await onTerminal(["revoke", handle, "--yes"], { cwd: folder });
    assert.deepEqual([code, stdout], [0, `Ended the session ${handle}.\r\n`]);
  });
});
