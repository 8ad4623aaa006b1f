import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { nodeSession } from "../../src/adapters/node.ts";
import { Sessions } from "../../src/core/sessions.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Visit } from "./support.ts";

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
