import { redisStoreFromUrl } from "../../../src/stores/redis.ts";
import { outcomeOf, record } from "./support.ts";

// Stores a session in the Redis that a URL names, reads it, closes the store, and ends by itself if nothing was left open. ARGV: URL.
const store = redisStoreFromUrl(process.argv[2] ?? "");
const session = record();
console.log(await outcomeOf(() => store.create(session)));
console.log(await outcomeOf(() => store.load(session.handle)));
await store.close();
