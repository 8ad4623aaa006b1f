import { startPostgres } from "../../servers/postgres.ts";
import { startRedis } from "../../servers/redis.ts";
import { nearPostgresTarget, nearRedisTarget, postgresClients, type Driver } from "../near/targets.ts";
import { libraries } from "../redis/targets.ts";
import { served, type StoreFamily } from "./family.ts";

export const near: StoreFamily = {
  name: "near",
  page: "docs/stores/near.md",
  packages: ["redis", "ioredis", "pg", "postgres"],
  parts: [
    served("over Redis", ["redis"], startRedis, (server) =>
      libraries.map((library) => nearRedisTarget(library, () => server().port)),
    ),
    served("over PostgreSQL", ["postgres"], startPostgres, (server) =>
      (Object.keys(postgresClients) as Driver[]).map((driver) => nearPostgresTarget(driver, () => server().url)),
    ),
  ],
};
