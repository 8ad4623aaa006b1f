import { SessionError } from "../core/errors.ts";
import { equal, ok } from "./assert.ts";
import { type Answer, type Head, linesOf, type Visit, type Visitor } from "./adapter-client.ts";
import type { KitReply, KitRoute, KitServer } from "./adapter-rule.ts";

/** The counter of the tutorial. */
export const counter: KitRoute = {
  path: "/count",
  async answer(call) {
    const visit = await call.session().load();
    visit.count = (visit.count ?? 0) + 1;
    return { body: visit.count === 1 ? "No count in session. Setting to 1" : `new count=${visit.count}` };
  },
};

/** Never asks for the session's content. */
export const untouched: KitRoute = {
  path: "/untouched",
  answer(call) {
    call.session();
    return { body: "untouched" };
  },
};

/** Answers the session's data as JSON. */
export const read: KitRoute = {
  path: "/read",
  async answer(call) {
    return { body: JSON.stringify(await call.session().load()) };
  },
};

/** Ends the session. */
export const logout: KitRoute = {
  path: "/logout",
  async answer(call) {
    await call.session().logout();
    return { body: "bye" };
  },
};

/** Changes the session, and answers `reply`. */
export function writing(path: string, reply: () => KitReply): KitRoute {
  return {
    path,
    async answer(call) {
      const visit = await call.session().load();
      visit.count = (visit.count ?? 0) + 1;
      return reply();
    },
  };
}

/** A handler of which a rule knows when it is in, and which then waits until the rule lets it go on. */
export interface Barrier {
  readonly reached: Promise<void>;
  /** For the handler: says that it is in, and waits. */
  wait(): Promise<void>;
  /** For the rule: lets every handler go on. */
  open(): void;
}

export function newBarrier(): Barrier {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    wait() {
      reached.resolve();
      return opened.promise;
    },
    open: opened.resolve,
  };
}

/** Pieces of text as a streamed body. */
export async function* pieces(...texts: readonly string[]): AsyncGenerator<string, void, undefined> {
  for (const text of texts) yield text;
}

/** A visitor whose session is stored. */
export async function knownVisitor(server: KitServer): Promise<Visitor> {
  const visitor = server.visitor();
  await visitor.get(counter.path);
  ok(visitor.cookies !== "", "the first visit sets a cookie");
  return visitor;
}

/**
 * Two whole round trips on other connections, after which anything that the server had sent on the first one would have come.
 */
export async function settled(server: KitServer): Promise<void> {
  for (let trip = 0; trip < 2; trip++)
    equal((await server.visitor().get(untouched.path)).body, "untouched", "another request");
}

/** @throws when any part of the response has come */
export async function stillHeld(server: KitServer, visit: Visit, what: string): Promise<void> {
  await settled(server);
  ok(!visit.arrived, `${what}: the headers came before the store had answered`);
}

/** The session's cookies that a response sets or deletes. */
export function sessionCookies(head: Head, server: KitServer): string[] {
  const name = server.sessions.options.cookieName;
  return linesOf(head, "set-cookie").filter((text) => text.startsWith(`${name}=`));
}

/** @throws unless the response sets the session's cookie once, to a value */
export function expectCookie(head: Head, server: KitServer, what: string): void {
  const cookies = sessionCookies(head, server);
  equal(cookies.length, 1, `${what}: the number of session cookies`);
  ok(/^[^=]+=[\w-]{32};/.test(cookies[0] ?? ""), `${what}: the cookie carries an id`);
}

/** @throws when the response has any cookie */
export function expectNoCookie(head: Head, what: string): void {
  equal(linesOf(head, "set-cookie"), [], `${what}: cookies`);
}

/** @throws unless the response has this status and this body */
export function expectAnswer(answer: Answer, status: number, body: string): void {
  equal({ status: answer.status, body: answer.body }, { status, body }, "the response");
}

/** A store's failure that surely stored nothing. */
export function storeDown(): Error {
  return new SessionError("ERR_SESSION_STORE", "The kit broke the store", { applied: "no" });
}

/** How many live sessions the server's store holds. */
export async function countSessions(server: KitServer): Promise<number> {
  let count = 0;
  for await (const _ of server.sessions.list()) count++;
  return count;
}
