import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { shownUrl } from "../../src/cli/store-url.ts";
import { errorOf, sojourn, workFolder } from "./_program.ts";

describe("what the user typed", () => {
  it("shows a store's URL without its users and passwords, wherever they stand", () => {
    const url = "redis+sentinel://hush:hush@a:1,b:2/m/0?sentinelUsername=hush&prefix=p&sentinelPassword=hush";
    assert.equal(shownUrl(url), "redis+sentinel://…@a:1,b:2/m/0?sentinelUsername=…&prefix=p&sentinelPassword=…");
    assert.equal(shownUrl("postgres://h/d?user=hush&password=hush"), "postgres://h/d?user=…&password=…");
    const cached = "cached:postgres://hush:hush@h/d?sslpassword=hush&cache=redis://:hush@h:1/0?prefix=p";
    assert.equal(shownUrl(cached), "cached:postgres://…@h/d?sslpassword=…&cache=redis://…@h:1/0?prefix=p");
    assert.equal(shownUrl("cached:near:redis://hush@a?cache=x"), "cached:near:redis://…@a?cache=x");
    assert.equal(shownUrl("sqlite:sessions.db"), "sqlite:sessions.db");
  });

  it("never repeats what was typed as an id, whatever is wrong", async () => {
    const folder = workFolder();
    const id = "Zq7-_kT3yVwP0aBcDeFgHiJkLmNoPqRs";
    const lines = [
      ["inspect", id],
      [id],
      ["inspekt", id],
      ["list", id],
      ["inspect", `${id}x`, "--store", "sqlite:none.db"],
      ["inspect", `x=${id}; y=${id.toLowerCase()}`, "--store", "memory:"],
      ["inspect", id, "--store", "nonsense:x"],
      ["inspect", "--store", id],
      ["revoke", id, "--user", "ada"],
      ["revoke", "--user", "ada", "--except", id, "--store", "module:./none.js"],
      [`--${id}`],
      ["inspect", `--${id}`],
      ["inspect", id, "--config", "none.ts"],
      ["help", id],
    ];
    writeFileSync(join(folder, "broken.db"), "no database");
    lines.push(["inspect", id, "--store", "sqlite:broken.db"]);
    for (const line of lines) {
      for (const options of [[], ["--json"]]) {
        const { code, stdout, stderr } = await sojourn([...line, ...options], { cwd: folder });
        assert.notEqual(code, 0, line.join(" "));
        assert.ok(!(stdout + stderr).includes(id), `echoed by: ${line.join(" ").replaceAll(id, "ID")}\n${stderr}`);
      }
    }
  });

  it("is left out of the errors of a store of the user's own", async () => {
    const folder = workFolder();
    const typed = "e1.QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo";
    const store = `export default {
      name: "own", reach: "none", durable: true, stateless: true, maxCookieBytes: 4000,
      open(value) { throw new Error("cannot open " + value); },
      seal() { return ""; },
    };`;
    writeFileSync(join(folder, "own.mjs"), store);
    const ending = await sojourn(["inspect", `sid=${typed}`, "--store", "module:./own.mjs", "--json"], { cwd: folder });
    assert.equal(ending.code, 1);
    assert.equal(errorOf(ending)["message"], "cannot open [not shown]");
  });
});
