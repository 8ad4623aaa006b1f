import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { fetchSession } from "../../src/adapters/fetch.ts";
import { isSessionError } from "../../src/core/errors.ts";
import type { Session } from "../../src/core/session.ts";
import { Sessions } from "../../src/core/sessions.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { storeDown } from "../../src/testing/adapter-rule-support.ts";
import { watchStore } from "../../src/testing/adapter-store.ts";
import { listen } from "./targets.ts";

interface Visit {
  count?: number;
}

const newSessions = () => new Sessions<Visit>({ store: memoryStore() });
const ask = (headers: Readonly<Record<string, string>> = {}): Request => new Request("https://example.com/", { headers });

async function write(session: Session<Visit>): Promise<void> {
  (await session.load()).count = 1;
}

test("further arguments are passed through", async () => {
  interface Env {
    readonly name: string;
  }
  const handler = fetchSession(newSessions(), (_request, session, env: Env, ctx: { readonly id: number }) => {
    return new Response(`${env.name} ${ctx.id} ${session.isEmpty}`);
  });
  assert.equal(await (await handler(ask(), { name: "env" }, { id: 7 })).text(), "env 7 true");
});

test("the response is the handler's own object where its headers can be changed, with its body untouched", async () => {
  const sessions = newSessions();
  const body = ReadableStream.from([new TextEncoder().encode("words")]);
  const own = new Response(body, {
    headers: [
      ["set-cookie", "own=1"],
      ["vary", "Accept"],
    ],
  });
  const handler = fetchSession(sessions, async (_request, session) => {
    await write(session);
    return own;
  });
  const answer = await handler(ask());
  assert.equal(answer, own);
  assert.equal(answer.body, body);
  assert.equal(answer.headers.getSetCookie().length, 2);
  assert.equal(answer.headers.get("vary"), "Accept, Cookie");
});

test("a response whose headers cannot be changed is copied, with status, text, headers and body", async () => {
  const handler = fetchSession(newSessions(), async (_request, session) => {
    await write(session);
    return Response.redirect("https://example.com/there", 303);
  });
  const answer = await handler(ask());
  assert.deepEqual([answer.status, answer.headers.get("location")], [303, "https://example.com/there"]);
  assert.equal(answer.headers.getSetCookie().length, 1);
});

/** What a runtime gives for an upgrade: a status that no response can be made with, and headers as the runtime likes them. */
function upgrade(headers: Headers): Response {
  return Object.defineProperties(new Response(null), { status: { value: 101 }, headers: { value: headers } });
}

test("an upgrade and a network error are passed on as the very object", async () => {
  const sessions = newSessions();
  const sealed = Response.error().headers;
  const handler = (response: Response) =>
    fetchSession(sessions, async (_request, session) => {
      await write(session);
      return response;
    });
  for (const response of [upgrade(sealed), Response.error()]) {
    assert.equal(await handler(response)(ask()), response);
    assert.equal((await sessions.list().next()).done, true, "no session is created whose cookie cannot be set");
  }
  const open = upgrade(new Headers());
  assert.equal(await handler(open)(ask()), open);
  assert.equal(open.headers.getSetCookie().length, 1);
});

test("in a session that exists, an upgrade stores what changed, and a network error, which is a failure, does not", async () => {
  const sessions = newSessions();
  for (const [response, expected] of [
    [upgrade(Response.error().headers), 1],
    [Response.error(), 5],
  ] as const) {
    const { cookie, handle } = await sessions.create({ data: { count: 5 } });
    const handler = fetchSession(sessions, async (_request, session) => {
      await write(session);
      return response;
    });
    assert.equal(await handler(ask({ cookie })), response);
    assert.equal((await sessions.find(handle))?.data.count, expected);
  }
});

test("what `fetch()` gave can be passed on: its own cookies and Vary stay", async () => {
  const other = await listen(
    createServer((_req, res) => res.writeHead(200, { "Set-Cookie": ["one=1", "two=2"], Vary: "Accept" }).end("passed on")),
  );
  const handler = fetchSession(newSessions(), async (_request, session) => {
    await write(session);
    return fetch(`http://127.0.0.1:${other.port}/`);
  });
  const answer = await handler(ask());
  assert.equal(await answer.text(), "passed on");
  assert.equal(answer.headers.get("vary"), "Accept, Cookie");
  assert.equal(answer.headers.getSetCookie().length, 3);
  await other.close();
});

test("`onError` makes the answer to a session's error; other errors reject", async () => {
  const store = watchStore(memoryStore());
  store.break("create", storeDown());
  const sessions = new Sessions<Visit>({ store: store.store, breakerFailures: 0 });
  const seen: unknown[] = [];
  const onError = (error: unknown): Response => {
    seen.push(error);
    return new Response("sorry", { status: 418 });
  };
  const storing = async (_request: Request, session: Session<Visit>): Promise<Response> => {
    await write(session);
    return new Response("the handler's words", { headers: { "x-handler": "1" } });
  };
  const plain = await fetchSession(sessions, storing)(ask());
  assert.deepEqual([plain.status, await plain.text()], [503, "ERR_SESSION_STORE: The session store failed\n"]);
  assert.deepEqual([plain.headers.get("x-handler"), plain.headers.get("retry-after")], [null, "1"]);
  assert.equal((await fetchSession(sessions, storing, { onError })(ask())).status, 418);
  assert.ok(isSessionError(seen[0], "ERR_SESSION_STORE"));
  const failing = fetchSession(sessions, () => Promise.reject(new Error("the handler failed")), { onError });
  await assert.rejects(failing(ask()), { message: "the handler failed" });
  const saving = fetchSession(sessions, async (_request, session) => {
    await session.update((visit) => (visit.count = 1));
    return new Response("never");
  });
  assert.equal((await saving(ask())).status, 503);
});

test("around itself it is one session and one commit", async () => {
  const store = watchStore(memoryStore());
  const sessions = new Sessions<Visit>({ store: store.store });
  const inner = fetchSession(sessions, async (request, session) => {
    await write(session);
    return new Response(String(session === sessions.of(request)));
  });
  const outer = fetchSession(sessions, (request) => inner(request));
  const answer = await outer(ask());
  assert.equal(await answer.text(), "true");
  assert.equal(answer.headers.getSetCookie().length, 1);
  assert.deepEqual(store.calls, ["create"]);
  const between = fetchSession(sessions, async (request, session) => {
    const response = await inner(request);
    session.data.count = 7;
    return response;
  });
  const cookie = (await between(ask())).headers.getSetCookie()[0]?.split(";")[0] ?? "";
  assert.deepEqual(store.calls, ["create", "create"]);
  assert.equal((await sessions.find(cookie.split("=")[1] ?? ""))?.data.count, 7, "the outermost commits");
});
