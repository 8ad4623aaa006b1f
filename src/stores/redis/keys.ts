import type { StoreChange } from "../../core/feed.ts";
import type { SessionHandle } from "../../core/id.ts";

const SLOTS = 16_384;

/** Over how many slots sessions are spread on a cluster, if nobody says otherwise. */
export const CLUSTER_SHARDS = 16;

/** The names of a shard's own keys, in the order in which scripts take them. */
export interface Shard {
  readonly epochs: string;
  readonly users: string;
  readonly deadlines: string;
  readonly handles: string;
  /** What the keys of its sessions begin with. */
  readonly sessions: string;
}

/**
 * The store's keys. A shard's keys carry one hash tag, so they are in one slot of a cluster, and one script can use them together: the
 * session, the copy of the users' epochs, and the indexes.
 */
export class Keys {
  readonly shards: readonly Shard[];
  /** What tells these keys from those of another store. */
  readonly home: string;
  readonly #prefix: string;

  constructor(prefix: string, shards: number) {
    this.#prefix = prefix;
    this.home = `${prefix} (${shards})`;
    this.shards = tags(shards).map((tag) => {
      const start = `${prefix}{${tag}}:`;
      return {
        epochs: `${start}epochs`,
        users: `${start}users`,
        deadlines: `${start}deadlines`,
        handles: `${start}handles`,
        sessions: `${start}s:`,
      };
    });
  }

  /** The shard that a text belongs to: a session by its handle; the epoch of a user has its home in one as well. */
  shardOf(text: string): Shard {
    return this.shards[hash(text) % this.shards.length] as Shard;
  }

  /** The beginnings of all keys whose changes are changes of sessions or of users' epochs. */
  get tracked(): readonly string[] {
    return this.shards.flatMap(({ sessions, epochs }) => [sessions, epochs]);
  }

  /** The beginning of the keys that one connection of a feed writes and nobody else. */
  marks(token: string): string {
    return `${this.#prefix}{mark}:${token}:`;
  }

  /** What it means that a key was changed; undefined for one that is not tracked. */
  changeIn(key: string): StoreChange | undefined {
    for (const { sessions, epochs } of this.shards) {
      if (key.startsWith(sessions)) return { handle: key.slice(sessions.length) as SessionHandle };
      // A hash of all users of the shard: whose epoch it was it does not say.
      if (key === epochs) return { user: null };
    }
    return undefined;
  }
}

/** The shard's keys in the order that the scripts expect. */
export function shardKeys({ epochs, users, deadlines, handles }: Shard): string[] {
  return [epochs, users, deadlines, handles];
}

/** The key of a session. */
export function sessionKey(shard: Shard, handle: SessionHandle): string {
  return shard.sessions + handle;
}

/** FNV-1a over the text's UTF-16 code units. Where sessions are kept depends on it: it never changes. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  // The last bits alone would follow the last characters too closely.
  return (value ^ (value >>> 15)) >>> 0;
}

/** The smallest numbers whose slots lie one in each of `count` equal parts of the slots, so that every node gets its share. */
function tags(count: number): number[] {
  const found = Array.from({ length: count }, () => -1);
  for (let left = count, tag = 0; left > 0; tag += 1) {
    const part = Math.floor((slotOf(String(tag)) * count) / SLOTS);
    if (found[part] !== -1) continue;
    found[part] = tag;
    left -= 1;
  }
  return found;
}

/** The cluster slot of a key or a hash tag of ASCII characters: CRC-16/XMODEM, as the Redis Cluster specification has it. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (let index = 0; index < tag.length; index += 1) {
    crc ^= tag.charCodeAt(index) << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}
