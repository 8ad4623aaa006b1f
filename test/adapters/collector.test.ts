import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROGRAM = fileURLToPath(new URL("./collector/requests.ts", import.meta.url));

// Objects with accessors made for each request, and literals in cycles, once let every request outlive several collections of the young:
// three times the processor time for each.
describe("requests that are over are gone with the next collection of young objects", { concurrency: true }, () => {
  // What is written is kept, and a few times collected with the old. Some of Node's own objects are allocated among the old at once.
  const most = { "/untouched": [1, 250], "/read": [1, 560], "/write": [3, 900] } as const;
  for (const [path, [runs, bytes]] of Object.entries(most)) {
    test(path, async () => {
      const args = ["--conditions=sojourn:source", "--max-semi-space-size=16", PROGRAM, path];
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
      const found = JSON.parse(stdout) as { runs: number; bytes: number };
      assert.ok(found.runs <= runs, `old objects were collected ${found.runs} times`);
      assert.ok(found.bytes <= bytes, `a request leaves ${found.bytes} bytes among the old objects`);
    });
  }
});
