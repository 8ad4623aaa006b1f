import Ioredis from "ioredis";
import pg from "pg";
import { createClient } from "redis";

/** Database clients, the same for all that are compared. */
export const clients = {
  async nodeRedis({ redis }) {
    const client = createClient({ url: redis });
    client.on("error", () => undefined);
    return client.connect();
  },
  ioredis: ({ redis }) => new Ioredis(redis),
  pool: ({ postgres }) => new pg.Pool({ connectionString: postgres, max: 10 }),
};
