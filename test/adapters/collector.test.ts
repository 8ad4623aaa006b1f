import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROGRAM = fileURLToPath(new URL("./collector/requests.ts", import.meta.url));

// Objects with accessors made for each request, and literals in cycles, once let every request outlive several collections of the young:
// three times the processor time for each.
describe("requests that are over are gone with the next collection of young objects", { concurrency: true }, () => {
  // What is written is kept, and a few times collected with the old.
  for (const [path, most] of Object.entries({ "/untouched": 1, "/read": 1, "/write": 3 })) {
    test(path, async () => {
      const args = ["--conditions=sojourn:source", "--max-semi-space-size=16", PROGRAM, path];
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
      assert.match(stdout, /^\d+$/);
      assert.ok(Number(stdout) <= most, `old objects were collected ${stdout} times`);
    });
  }
});
