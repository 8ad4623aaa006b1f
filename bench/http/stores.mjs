import { startPostgres } from "../../test/servers/postgres.ts";
import { startRedis } from "../../test/servers/redis.ts";

/** Starts the servers that the chosen configurations need. PostgreSQL keeps what it commits, as in production. */
export async function startServers(names) {
  const wants = (word) => names.some((name) => name.endsWith(word));
  const redis = wants("redis") ? await startRedis() : undefined;
  const postgres = wants("postgres") ? await startPostgres({ durable: true }) : undefined;
  return {
    urls: { redis: redis?.url, postgres: postgres?.url },
    async stop() {
      await redis?.stop();
      await postgres?.stop();
    },
  };
}
