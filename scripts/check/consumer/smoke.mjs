// An application's first minute with the installed package: plain JavaScript, for any Node.js that may run it.
// Arguments: the subpaths, then the names of the stores to count visits on.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const split = process.argv.indexOf("--");
const [subpaths, stores] = [process.argv.slice(2, split), process.argv.slice(split + 1)];
const dir = mkdtempSync(join(tmpdir(), "sojourn-smoke-"));

for (const subpath of subpaths) {
  const module = await import(subpath.replace(/^\./, "sojourn"));
  const augments = subpath.endsWith("/augment");
  if (!augments && Object.keys(module).length === 0) throw new Error(`${subpath} exports nothing`);
}

const { createSessions, isSessionError, memoryStore } = await import("sojourn");
const { fetchSession } = await import("sojourn/fetch");
const { fileStore } = await import("sojourn/stores/file");
const { sqliteStore } = await import("sojourn/stores/sqlite");
const make = {
  memory: () => memoryStore(),
  file: () => fileStore(join(dir, "sessions")),
  sqlite: () => sqliteStore(join(dir, "sessions.db")),
};

for (const name of stores) {
  const sessions = createSessions({ store: make[name]() });
  const handler = fetchSession(sessions, async (_request, session) => {
    const count = await session.update((visit) => (visit.count = (visit.count ?? 0) + 1));
    return new Response(`new count=${count}`);
  });
  let cookie = "";
  for (const expected of [1, 2, 3]) {
    const response = await handler(new Request("https://example.test/", { headers: { cookie } }));
    const said = await response.text();
    if (said !== `new count=${expected}`) throw new Error(`${name}: expected new count=${expected}, got ${said}`);
    const [pair] = response.headers.getSetCookie().map((line) => line.split(";")[0]);
    if (pair !== undefined) cookie = pair;
  }
  const found = await sessions.find(cookie.split("=")[1]);
  if (found?.data.count !== 3) throw new Error(`${name}: find() does not see the count`);
  await sessions.close();
}

if (!stores.includes("sqlite")) {
  const refusal = refusalOf(() => sqliteStore(join(dir, "sessions.db")));
  if (!isSessionError(refusal, "ERR_SESSION_CONFIG")) throw new Error("sqliteStore has to refuse", { cause: refusal });
  if (!/sqlite/i.test(refusal.message))
    throw new Error("sqliteStore does not say that SQLite is missing", { cause: refusal });
}
rmSync(dir, { recursive: true });

function refusalOf(call) {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}
