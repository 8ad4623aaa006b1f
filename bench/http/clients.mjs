import Ioredis from "ioredis";
import pg from "pg";
import { createClient } from "redis";

/** Database clients, the same for all that are compared. */
export const clients = {
  async nodeRedis({ redis }) {
    // Without the signal that node-redis makes for each command, which a store by URL does without too.
    const client = createClient({ url: redis, commandOptions: { timeout: undefined } });
    client.on("error", () => undefined);
    return client.connect();
  },
  ioredis: ({ redis }) => new Ioredis(redis),
  pool: ({ postgres }) => new pg.Pool({ connectionString: postgres, max: 10 }),
};
