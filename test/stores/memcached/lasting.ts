// Uses a store and never closes it: the process ends all the same. ARGV: port.
import { memcachedStore } from "../../../src/stores/memcached.ts";
import { record } from "../redis/support.ts";

const store = memcachedStore({ servers: [`127.0.0.1:${process.argv[2]}`], connections: 2 });
const session = record();
console.log((await store.create(session)).status, (await store.load(session.handle)).status);
