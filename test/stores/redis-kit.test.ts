import { after, before, describe, test } from "node:test";
import { storeKit } from "../../src/testing/store-kit.ts";
import { needs } from "../servers/needs.ts";
import { startRedis, type RedisServer } from "../servers/redis.ts";
import { libraries, single, target, type Opener } from "./redis/targets.ts";

describe("redis, one server", { skip: needs("redis") }, () => {
  let server: RedisServer;
  before(async () => (server = await startRedis()));
  after(() => server.stop());
  for (const library of libraries) {
    const open: Opener = () => single(library, server.port)();
    storeKit(test, target(`redis (${library})`, open));
  }
  storeKit(
    test,
    target("redis (users indexed, four shards)", () => single("ioredis", server.port)(), { index: "users", shards: 4 }),
  );
});
