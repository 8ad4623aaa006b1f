import { expressSession, unstorage } from "./bridges.ts";
import { cached } from "./cached.ts";
import { cookie, file, memory, sqlite } from "./embedded.ts";
import type { StoreFamily } from "./family.ts";
import { kysely } from "./kysely.ts";
import { memcached } from "./memcached.ts";
import { near } from "./near.ts";
import { redis } from "./redis.ts";
import { mariadb, postgres } from "./sql.ts";

/** Every store of this repository, in the order of the table of guarantees. A new store has one line here. */
export const storeFamilies: readonly StoreFamily[] = [
  memory,
  file,
  sqlite,
  cookie,
  redis,
  postgres,
  mariadb,
  memcached,
  kysely,
  near,
  cached,
  expressSession,
  unstorage,
];
