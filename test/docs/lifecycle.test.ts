import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isSessionError } from "../../src/core/errors.ts";
import type { SessionId } from "../../src/core/id.ts";
import { handleOf } from "../../src/core/id.ts";
import { afterResponse } from "../../src/middleware/exchange.ts";
import { type Exchange, type Reply, type Visit, world, type World } from "../core/support.ts";

/** What a handler does; `cookie` is what its request sent. */
type Handler = (exchange: Exchange, world: World, cookie: string | undefined) => Promise<unknown>;

interface Sequence {
  readonly run: Handler;
  /** Default 200. */
  readonly status?: number;
  /** Without a session and its cookie. */
  readonly fresh?: boolean;
}

const DAY = 86_400_000;

const write: Handler = async ({ session }) => void ((await session.load()).name = "x");
const clear: Handler = ({ session }) => session.clear();
const flush: Handler = ({ session }) => session.flush();
const save: Handler = ({ session }) => session.save();
const cycleId: Handler = ({ session }) => session.cycleId();
const logout: Handler = ({ session }) => session.logout();
const update: Handler = ({ session }) => session.update((visit) => void (visit.count = (visit.count ?? 0) + 1));
const login: Handler = ({ session }) => session.login("ada");
const loginOther: Handler = ({ session }) => session.login("bob");
const load: Handler = ({ session }) => session.load();
const leave: Handler = ({ respond }) => respond();
const finish: Handler = ({ session }) => afterResponse(session);
const revoke: Handler = ({ session }, { sessions }) => sessions.revoke(session.id ?? "");
const expire: Handler = async (_, { clock }) => clock.advance(15 * DAY);

function inOrder(...steps: readonly Handler[]): Handler {
  return async (exchange, made, cookie) => {
    for (const step of steps) await step(exchange, made, cookie);
  };
}

/** Another request of the same visitor, from its beginning to its response. */
function elsewhere(step: Handler): Handler {
  return async (_, made, cookie) => {
    const other = made.open({ cookie });
    await step(other, made, cookie);
    await other.respond();
  };
}

/** What the sequences of the tables do, by the name in their first column. */
const SEQUENCES: Readonly<Record<string, Sequence>> = {
  nothing: { run: inOrder() },
  load: { run: load },
  write: { run: write },
  "write, then 500": { run: write, status: 500 },
  update: { run: update },
  "update, then 500": { run: update, status: 500 },
  "write, save, then 500": { run: inOrder(write, save), status: 500 },
  clear: { run: clear },
  "clear, then write": { run: inOrder(clear, write) },
  "write, then clear": { run: inOrder(write, clear) },
  "clear, then 500": { run: clear, status: 500 },
  "clear, then flush": { run: inOrder(clear, flush) },
  "clear, then cycleId": { run: inOrder(clear, cycleId) },
  flush: { run: flush },
  "flush, then 500": { run: flush, status: 500 },
  "flush, then flush": { run: inOrder(flush, flush) },
  "flush, then write": { run: inOrder(flush, write) },
  "flush, write, then 500": { run: inOrder(flush, write), status: 500 },
  "flush, then update": { run: inOrder(flush, update) },
  "flush, then cycleId": { run: inOrder(flush, cycleId) },
  "write, then flush": { run: inOrder(write, flush) },
  "update, then flush": { run: inOrder(update, flush) },
  cycleId: { run: cycleId },
  "cycleId, then 500": { run: cycleId, status: 500 },
  "cycleId, then cycleId": { run: inOrder(cycleId, cycleId) },
  "cycleId, then flush": { run: inOrder(cycleId, flush) },
  "cycleId, then save": { run: inOrder(cycleId, save) },
  "cycleId, save, then 500": { run: inOrder(cycleId, save), status: 500 },
  "cycleId, then update": { run: inOrder(cycleId, update) },
  "update, then cycleId": { run: inOrder(update, cycleId) },
  "update, cycleId, then 500": { run: inOrder(update, cycleId), status: 500 },
  login: { run: login },
  "login, then 500": { run: login, status: 500 },
  "login, save, then 500": { run: inOrder(login, save), status: 500 },
  "login, then login as the same user": { run: inOrder(login, login) },
  "login, then login as another user": { run: inOrder(login, loginOther) },
  "login, login as another user, then 500": { run: inOrder(login, loginOther), status: 500 },
  "login, then logout": { run: inOrder(login, logout) },
  "login, save, then logout": { run: inOrder(login, save, logout) },
  "login, then clear": { run: inOrder(login, clear) },
  "write, then login": { run: inOrder(write, login) },
  logout: { run: logout },
  "logout, then login": { run: inOrder(logout, login) },
  "logout, login, then 500": { run: inOrder(logout, login), status: 500 },

  "new visitor: load": { run: load, fresh: true },
  "new visitor: write": { run: write, fresh: true },
  "new visitor: write, then 500": { run: write, fresh: true, status: 500 },
  "new visitor: update, then 500": { run: update, fresh: true, status: 500 },
  "new visitor: save": { run: save, fresh: true },
  "new visitor: save, then flush": { run: inOrder(save, flush), fresh: true },
  "new visitor: write, then clear": { run: inOrder(write, clear), fresh: true },
  "new visitor: cycleId": { run: cycleId, fresh: true },
  "new visitor: flush": { run: flush, fresh: true },
  "new visitor: login": { run: login, fresh: true },

  "load, ended elsewhere": { run: inOrder(load, revoke) },
  "write, ended elsewhere": { run: inOrder(write, revoke) },
  "write, ended elsewhere, then 500": { run: inOrder(write, revoke), status: 500 },
  "load, ended elsewhere, then update": { run: inOrder(load, revoke, update) },
  "load, ended elsewhere, then flush": { run: inOrder(load, revoke, flush) },
  "cycleId, ended elsewhere": { run: inOrder(cycleId, revoke) },
  "login, ended elsewhere": { run: inOrder(login, revoke) },
  "ended elsewhere, then load": { run: inOrder(revoke, load) },
  "ended elsewhere, then write": { run: inOrder(revoke, write) },
  "ended elsewhere, then update": { run: inOrder(revoke, update) },
  "ended elsewhere, then login": { run: inOrder(revoke, login) },
  "login elsewhere, then logout": { run: inOrder(elsewhere(login), logout) },
  "ended elsewhere, then logout": { run: inOrder(revoke, logout) },
  "load, login elsewhere": { run: inOrder(load, elsewhere(login)) },
  "write, login elsewhere": { run: inOrder(write, elsewhere(login)) },
  "update, login elsewhere": { run: inOrder(update, elsewhere(login)) },
  "cycleId, write elsewhere": { run: inOrder(cycleId, elsewhere(write)) },
  "login, write elsewhere": { run: inOrder(login, elsewhere(write)) },
  "clear, write elsewhere": { run: inOrder(clear, elsewhere(write)) },
  "expired, then load": { run: inOrder(expire, load) },
  "expired, then write": { run: inOrder(expire, write) },
  "load, expired, then write": { run: inOrder(load, expire, write) },

  "headers sent, then load": { run: inOrder(leave, load) },
  "headers sent, then update": { run: inOrder(leave, update) },
  "headers sent, then write": { run: inOrder(leave, write, finish) },
  "headers sent, then flush": { run: inOrder(leave, flush) },
  "headers sent, then cycleId": { run: inOrder(leave, cycleId) },
  "headers sent, then login": { run: inOrder(leave, login) },
  "new visitor: headers sent, then update": { run: inOrder(leave, update), fresh: true },
  "new visitor: headers sent, then write": { run: inOrder(leave, write, finish), fresh: true },
};

const page = readFileSync(new URL("../../docs/reference/lifecycle.md", import.meta.url), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| ---") && !line.startsWith("| After"))
  .map((line) =>
    line
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.trim().replaceAll("`", "")),
  );

for (const [name, sequence] of Object.entries(SEQUENCES)) {
  test(`lifecycle: ${name}`, async () => {
    const row = rows.find(([first]) => first === name);
    assert.ok(row, "docs/reference/lifecycle.md has no such row");
    assert.deepEqual(await outcome(sequence), row.slice(1));
  });
}

test("lifecycle: the tables hold no sequence without a test, and none twice", () => {
  assert.deepEqual(rows.map(([name]) => name).toSorted(), Object.keys(SEQUENCES).toSorted());
});

/** What is left after a sequence: the old id, what is stored, the cookie, and the error; in the words of the tables. */
async function outcome({ run, status = 200, fresh = false }: Sequence): Promise<readonly string[]> {
  const made = world();
  const started = fresh ? undefined : await visitor(made);
  const exchange = made.open({ cookie: started?.cookie });
  let reply: Reply | undefined;
  const noting: Exchange = { ...exchange, respond: async (...args) => (reply = await exchange.respond(...args)) };
  const thrown = await codeOf(() => run(noting, made, started?.cookie));
  const failed = await codeOf(async () => (reply ??= await exchange.respond(status)));
  return [
    started === undefined ? "none" : await stateOf(made, started.id),
    await stored(made),
    cookieOf(reply, started?.cookie),
    thrown === undefined ? (failed === undefined ? "none" : `${failed}, response`) : `${thrown}, call`,
  ];
}

/** A visitor whose cookie has come back once, so that the first lifetime is over. */
async function visitor({ request }: World): Promise<{ readonly id: SessionId; readonly cookie: string }> {
  const first = await request({ handle: async (session) => void ((await session.load()).count = 1) });
  await request({ cookie: first.cookie, handle: (session) => session.load() });
  assert.ok(first.cookie !== undefined && first.session.id !== null);
  return { id: first.session.id, cookie: first.cookie };
}

async function codeOf(run: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    if (!isSessionError(error)) throw error;
    return error.code;
  }
}

async function stateOf({ store, clock }: World, id: SessionId): Promise<string> {
  const found = await store.load(handleOf(id));
  if (found.status === "retired") return found.tombstone.reason;
  return found.status === "live" && found.record.expiresAt <= clock.now() ? "expired" : found.status;
}

async function stored({ sessions }: World): Promise<string> {
  const texts: string[] = [];
  for await (const { data, userId } of sessions.list()) texts.push(textOf(data, userId));
  return texts.join(" and ") || "nothing";
}

function textOf(data: Visit | null, userId: string | null): string {
  return JSON.stringify(data) + (userId === null ? "" : ` of ${userId}`);
}

function cookieOf(reply: Reply | undefined, sent: string | undefined): string {
  const [text] = reply?.setCookie ?? [];
  if (text === undefined) return "unchanged";
  if (text.includes("Max-Age=0")) return "deleted";
  return sent !== undefined && text.startsWith(sent) ? "same id" : "new id";
}
