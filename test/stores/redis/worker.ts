import { Redis } from "ioredis";
import { redisStore } from "../../../src/stores/redis.ts";
import type { SessionHandle } from "../../../src/core/id.ts";
import { next } from "./support.ts";

// Adds to a counter in a session, on the fresh record each time another process was first. ARGV: port, prefix, handle, times.
const [port = "", prefix = "", handle = "", times = ""] = process.argv.slice(2);
const client = new Redis({ host: "127.0.0.1", port: Number(port) });
const store = redisStore({ client, prefix });

let conflicts = 0;
let outcome: Awaited<ReturnType<typeof store.load>> | Awaited<ReturnType<typeof store.save>> = await store.load(
  handle as SessionHandle,
);
for (let done = 0; done < Number(times);) {
  if (!("record" in outcome)) throw new Error(outcome.status);
  const { record } = outcome;
  const written = next(record, { data: String(Number(record.data) + 1) });
  outcome = await store.save(written, record.version);
  if (outcome.status === "saved") {
    done += 1;
    outcome = { status: "conflict", record: written };
  } else {
    conflicts += 1;
  }
}
console.log(conflicts);
client.disconnect();
