import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { nodeSession } from "../../src/adapters/node.ts";
import { Sessions } from "../../src/core/sessions.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { owedHeaders } from "../../src/middleware/exchange.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { type Visit, world } from "./support.ts";

test("a new id that was final reaches the client also when the commit fails", async (t) => {
  const sessions = new Sessions<Visit>({ store: memoryStore(), cookie: { secure: false } });
  const listener = nodeSession(sessions, { onError: () => undefined }).wrap(async (req, res) => {
    const session = sessions.of(req);
    await session.load();
    await session.login("ada");
    await session.save();
    session.data["bad"] = () => undefined;
    res.end("ok");
  });
  const server = createServer(listener).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const { cookie } = await sessions.create({ data: { count: 1 } });
  const reply = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { headers: { cookie } });
  assert.equal(reply.status, 500);
  const sent = reply.headers.getSetCookie()[0]?.split(";")[0] ?? cookie;
  // The old id was rotated away: without the cookie, the visitor's session is lost.
  assert.equal((await sessions.find(sent.slice(sent.indexOf("=") + 1)))?.userId, "ada");
});

for (const spoilt of [true, false]) {
  const what = spoilt ? "the response's own change cannot be stored" : "nothing else is stored";
  test(`a new id that was final reaches the client when the store fails after it, so that nobody is logged out by that: ${what}`, async () => {
    const inner = memoryStore();
    let down = false;
    const gate = <A extends unknown[], R>(call: (...args: A) => R) => {
      return async (...args: A): Promise<Awaited<R>> => {
        if (down) throw new Error("connection lost");
        return await call(...args);
      };
    };
    const store: SessionStore = { ...inner, save: gate(inner.save), touch: gate(inner.touch), load: gate(inner.load) };
    const { open, sessions } = world({ store, breakerFailures: 0 });
    const { cookie } = await sessions.create({ data: { count: 1 } });
    const { session, respond } = open({ cookie });
    await session.login("ada");
    await session.save();
    down = true;
    if (spoilt) session.data.count = 2;
    const setCookie = await respond().then(
      (changes) => changes.setCookie,
      () => owedHeaders(session).setCookie,
    );
    down = false;
    const sent = setCookie[0]?.split(";")[0] ?? cookie;
    assert.equal((await sessions.find(sent.slice(sent.indexOf("=") + 1)))?.userId, "ada");
  });
}
