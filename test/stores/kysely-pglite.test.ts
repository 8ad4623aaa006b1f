import assert from "node:assert/strict";
import { test } from "node:test";
import { startPglite } from "./kysely/pglite.ts";
import { newTable } from "./sql/targets.ts";
import { next, record, refused } from "./sqlite/support.ts";

// The one rule of the kit that is left out on PGlite.
test("a byte-order mark at the beginning of a text is refused, because PGlite does not give it back", async (t) => {
  const { postgres, stop } = await startPglite();
  t.after(stop);
  const { store } = postgres("", newTable());
  const session = record();
  await store.create(session);
  await refused(() => store.create(record({ data: "\ufeffdata" })), "ERR_SESSION_DATA");
  await refused(() => store.save(next(session, { userId: "\ufeffu" }), session.version), "ERR_SESSION_DATA");
  assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
  const within = next(session, { data: "data\ufeff" });
  assert.equal((await store.save(within, session.version)).status, "saved");
  assert.deepEqual(await store.load(session.handle), { status: "live", record: within });
});
