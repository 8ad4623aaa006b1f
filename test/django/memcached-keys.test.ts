import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionHandle } from "../../src/core/id.ts";
import { cacheEngine } from "../../src/django/engines/cache.ts";
import { MemcachedCache } from "../../src/django/engines/memcached.ts";
import { needs } from "../servers/needs.ts";
import { startMemcached } from "../servers/memcached.ts";

test("a key that Memcached cannot have is one that nobody has, as for Django", { skip: needs("memcached") }, async () => {
  const server = await startMemcached();
  const engine = cacheEngine(new MemcachedCache({ memcached: `127.0.0.1:${server.port}` }, "cache"), 60, Date.now);
  try {
    for (const key of ["with a blank", "\u{85}\u{a0}".repeat(4), "tab\tand more", "del\u{7f}ete it"]) {
      const handle = key as SessionHandle;
      assert.equal((await engine.load(handle)).status, "missing");
      const tombstone = { reason: "ended", token: "t", successor: null, until: 0 } as const;
      assert.equal((await engine.retire(handle, tombstone)).status, "missing");
    }
  } finally {
    await engine.close?.();
    await server.stop();
  }
});
