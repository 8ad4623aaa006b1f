import type { StoreTarget } from "../../../src/testing/store-rule.ts";
import { startPostgres } from "../../servers/postgres.ts";
import { startRedis } from "../../servers/redis.ts";
import {
  bridgeTargets,
  connectPg,
  connectRedis,
  expressTarget,
  portOf,
  startStorageServer,
  storageOnHttp,
  storageOnRedis,
  unstorageTarget,
} from "../bridges/targets.ts";
import { served, type StoreFamily } from "./family.ts";

const named = (start: string): readonly StoreTarget[] => bridgeTargets.filter(({ name }) => name.startsWith(start));

export const expressSession: StoreFamily = {
  name: "express-session",
  page: "docs/stores/express-session.md",
  packages: ["express-session", "session-file-store", "connect-redis", "connect-pg-simple"],
  parts: [
    { name: "without a server", needs: [], targets: named("express-session") },
    served("on Redis", ["redis"], startRedis, (server) => [
      expressTarget("connect-redis", () => ({ open: () => connectRedis(server().port) })),
    ]),
    served("on PostgreSQL", ["postgres"], startPostgres, (server) => [
      expressTarget("connect-pg-simple", () => ({ open: () => connectPg(server().url) })),
    ]),
  ],
};

async function startStorage(): Promise<{ port: number; stop(): Promise<void> }> {
  const { over, end } = await startStorageServer();
  return {
    port: portOf(over),
    async stop() {
      await end();
    },
  };
}

export const unstorage: StoreFamily = {
  name: "unstorage",
  page: "docs/stores/unstorage.md",
  packages: ["unstorage"],
  parts: [
    { name: "without a server", needs: [], targets: named("unstorage") },
    served("on Redis", ["redis"], startRedis, (server) => [
      unstorageTarget("redis", () => ({ open: () => storageOnRedis(server().port) })),
    ]),
    served("over HTTP", [], startStorage, (server) => [
      unstorageTarget("http", () => ({ open: () => storageOnHttp(server().port) })),
    ]),
  ],
};
