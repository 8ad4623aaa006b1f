import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { unstorageStore } from "../../src/stores/unstorage.ts";
import { needs } from "../servers/needs.ts";
import { startProxy } from "../servers/proxy.ts";
import { startRedis } from "../servers/redis.ts";
import { application, outlivesDeath, outlivesSilence } from "./bridges/application.ts";
import { portOf, startStorageServer, storageOnHttp, storageOnRedis } from "./bridges/targets.ts";

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => assert.deepEqual(unhandled, []));

const REDIS = { skip: needs("redis") };

test(
  "a Redis that is killed and started again: nobody is logged out, what ended stays ended, and counting goes on",
  REDIS,
  async (t) => {
    const server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    t.after(() => server.stop());
    const { over, end } = storageOnRedis(server.port);
    t.after(end);
    await outlivesDeath(unstorageStore({ storage: over }), server.process);
  },
);

test("a server of HTTP that goes and comes back: nobody is logged out, what ended stays ended, and counting goes on", async (t) => {
  const kept = createStorage({ driver: memoryDriver() });
  let server = await startStorageServer(kept);
  t.after(() => server.end());
  const port = portOf(server.over);
  await outlivesDeath(unstorageStore({ storage: storageOnHttp(port).over }), {
    kill: async () => server.end(),
    restart: async () => (server = await startStorageServer(kept, port)),
  });
});

test("a network that swallows everything ends each request in time, and afterwards all is as before", async (t) => {
  const server = await startStorageServer();
  t.after(() => server.end());
  const proxy = await startProxy(portOf(server.over));
  t.after(() => proxy.stop());
  const made = application(unstorageStore({ storage: storageOnHttp(proxy.port).over, answerSeconds: 2 }));
  await outlivesSilence(made, proxy);
});
