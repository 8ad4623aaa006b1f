import { randomFillSync } from "node:crypto";

const POOL_BYTES = 8192;
const pool = /* @__PURE__ */ Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;
let owner = 0;

/** Random bytes from the operating system's source, drawn ahead by thousands, as base64url: as many as three are four characters. */
export function randomText(bytes: number): string {
  const pid = globalThis.process?.pid ?? 1;
  // A forked process holds a copy of the pool: it must draw its own bytes.
  if (used + bytes > POOL_BYTES || owner !== pid) {
    randomFillSync(pool);
    used = 0;
    owner = pid;
  }
  const text = pool.toString("base64url", used, used + bytes);
  pool.fill(0, used, used + bytes);
  used += bytes;
  return text;
}
