/** A test beside the kit that proves a guarantee, of some stores. */
export interface Suite {
  /** The guarantee's title. */
  readonly guarantee: string;
  /** The test file, from the repository's folder. */
  readonly file: string;
  /** Where the test is written, if `file` only calls it. */
  readonly written?: string;
  /** A part of the test's name that no other test has. */
  readonly test: string;
  /** The stores, and what the names of their tests, or of the suites around these, have in them; "" is any. */
  readonly stores: Readonly<Record<string, string>>;
}

const ADD_UP = "Updates add up, whatever runs at once";
const ADD_UP_BETWEEN = "They add up between processes";
const OTHERS = "What only one request changed survives";
const ONCE = "A write that is sent again counts once";
const UNREADABLE = "What cannot be read is never overwritten";
const RESTART = "Sessions survive a restart";
const LOGOUT = "A logout holds against requests under way";
const LOGOUT_BETWEEN = "It holds between processes";
const MOVED = "A new id is one step of the store, whole or not at all";
const MOVED_BETWEEN = "Of two processes that give it a new id, one wins";
const SEEN = "What one process wrote, the others see";
const REVOKED_BETWEEN = "A user revoked in one process is revoked in the others";
const TOLD = "A write replaces what its request had read, or its writer is told";

const HTTP = "test/races/http.test.ts";
const alone = { memory: "memory, one process", file: "file, one process", SQLite: "SQLite, one process" };
const shared = {
  file: "through HTTP: file, three processes",
  SQLite: "through HTTP: SQLite, three processes",
  // Sentinel and Cluster with it.
  Redis: "through HTTP: Redis",
  PostgreSQL: "through HTTP: PostgreSQL, ",
  MariaDB: "through HTTP: MariaDB",
  Memcached: "through HTTP: Memcached",
  cached: "through HTTP: PostgreSQL behind Redis",
};
const increments = "200 parallel increments on one session give exactly 200 with update()";
const logouts = "logout races, each held by a barrier, bring nothing back";
const FAULTS = { written: "test/stores/sql/faults.ts" };
const PROCESSES = { written: "test/stores/sql/processes.ts" };
const bridges = { "express-session": "express-session", unstorage: "unstorage" };

/** The tests beside the kit. What holds on every store alike, whichever it is, is in `docs/guarantees.md`. */
export const suites: readonly Suite[] = [
  { guarantee: ADD_UP, file: HTTP, test: increments, stores: alone },
  {
    guarantee: ADD_UP,
    file: "test/stores/bridges-http.test.ts",
    test: "200 increments at once in one process count 200, and 100 writers of different keys all survive",
    stores: bridges,
  },
  { guarantee: ADD_UP_BETWEEN, file: HTTP, test: increments, stores: shared },
  {
    guarantee: ADD_UP_BETWEEN,
    file: "test/stores/redis.test.ts",
    test: "four processes add 250 each to one counter, and it is exactly 1000",
    stores: { Redis: "" },
  },
  {
    guarantee: ADD_UP_BETWEEN,
    file: "test/stores/memcached-processes.test.ts",
    test: "four processes add 250 each to one counter, and it is exactly 1000",
    stores: { Memcached: "" },
  },
  {
    guarantee: ADD_UP_BETWEEN,
    file: "test/stores/sqlite-processes.test.ts",
    test: "four processes add 250 each to one counter, and it is exactly 1000",
    stores: { SQLite: "" },
  },
  ...Object.entries({ PostgreSQL: "postgres", MariaDB: "mysql" }).map(([store, name]) => ({
    guarantee: ADD_UP_BETWEEN,
    file: `test/stores/${name}.test.ts`,
    ...PROCESSES,
    test: "four processes add 250 each to one counter, and it is exactly 1000",
    stores: { [store]: "" },
  })),
  ...["postgres", "mysql"].map((name) => ({
    guarantee: ADD_UP_BETWEEN,
    file: `test/stores/${name}.test.ts`,
    ...PROCESSES,
    test: "four processes add 250 each to one counter, and it is exactly 1000",
    stores: { Kysely: "kysely" },
  })),
  {
    guarantee: ADD_UP_BETWEEN,
    file: "test/stores/file-processes.test.ts",
    test: "4 processes that add 200 each count 800, with a sweep going on and clocks that disagree by years",
    stores: { file: "" },
  },
  {
    guarantee: OTHERS,
    file: HTTP,
    test: "100 parallel writers of different keys all survive",
    stores: { ...shared, memory: alone.memory },
  },
  {
    guarantee: TOLD,
    file: "test/testing/schedules.test.ts",
    test: "schedules of sessions over memory break no promise",
    stores: { memory: "" },
  },
  {
    guarantee: TOLD,
    file: "test/testing/schedules-file.test.ts",
    test: "break no promise",
    stores: { file: "" },
  },
  {
    guarantee: TOLD,
    file: "test/testing/schedules-sqlite.test.ts",
    test: "break no promise",
    stores: { SQLite: "" },
  },
  {
    guarantee: TOLD,
    file: "test/testing/schedules-bridges.test.ts",
    test: "break no promise",
    stores: bridges,
  },
  {
    guarantee: ONCE,
    file: "test/stores/redis-faults.test.ts",
    written: "test/stores/redis/faults.ts",
    test: "requests whose replies are dropped, each once, count exactly",
    stores: { Redis: "" },
  },
  {
    guarantee: ONCE,
    file: "test/stores/memcached-faults.test.ts",
    test: "requests whose replies are dropped, each once, count exactly",
    stores: { Memcached: "" },
  },
  {
    guarantee: ONCE,
    file: "test/stores/express-session-faults.test.ts",
    test: "requests whose replies are lost, each once, count exactly",
    stores: { "express-session": "" },
  },
  ...Object.entries({ PostgreSQL: "postgres", MariaDB: "mysql" }).map(([store, name]) => ({
    guarantee: ONCE,
    file: `test/stores/${name}-faults.test.ts`,
    ...FAULTS,
    test: "with sessions on top, each reply to a write is dropped once, and 10 increments count 10",
    stores: { [store]: "" },
  })),
  ...["postgres", "mysql"].map((name) => ({
    guarantee: ONCE,
    file: `test/stores/${name}-faults.test.ts`,
    ...FAULTS,
    test: "with sessions on top, each reply to a write is dropped once, and 10 increments count 10",
    stores: { Kysely: "kysely" },
  })),
  {
    guarantee: MOVED,
    file: "test/stores/sqlite-processes.test.ts",
    test: "kill -9 in the middle of rotations: there is one live session, never two and never none",
    stores: { SQLite: "" },
  },
  {
    guarantee: MOVED,
    file: "test/stores/kysely.test.ts",
    test: "a rotation changes both rows or none, in one statement",
    stores: { Kysely: "" },
  },
  {
    guarantee: MOVED_BETWEEN,
    file: "test/stores/sqlite-processes.test.ts",
    test: "one process rotates 300 sessions while another saves onto them: each session goes one way, and nothing acknowledged is lost",
    stores: { SQLite: "" },
  },
  {
    guarantee: UNREADABLE,
    file: "test/stores/sqlite-faults.test.ts",
    test: "is unreadable, is never covered up, and can be ended",
    stores: { SQLite: "" },
  },
  {
    guarantee: UNREADABLE,
    file: "test/stores/memcached-protocol.test.ts",
    test: "a damaged item is read as what it says or is unreadable, and nothing else",
    stores: { Memcached: "" },
  },
  {
    guarantee: RESTART,
    file: "test/stores/redis-faults.test.ts",
    test: "killed with -9 under load and restarted with its append-only file: what was acknowledged is there",
    stores: { Redis: "" },
  },
  ...Object.entries({ PostgreSQL: "postgres", MariaDB: "mysql" }).map(([store, name]) => ({
    guarantee: RESTART,
    file: `test/stores/${name}-faults.test.ts`,
    ...FAULTS,
    test: "kill -9 under load and a restart: nothing that was acknowledged is lost, and every call ends",
    stores: { [store]: "" },
  })),
  {
    guarantee: RESTART,
    file: "test/stores/sqlite-processes.test.ts",
    test: "kill -9 in the middle of saves: the database is whole, and what was acknowledged is there",
    stores: { SQLite: "" },
  },
  {
    guarantee: RESTART,
    file: "test/stores/file-processes.test.ts",
    test: "processes that are killed at any moment lose nothing that they had been told, and hold nobody up",
    stores: { file: "" },
  },
  {
    guarantee: RESTART,
    file: "test/stores/express-session-faults.test.ts",
    test: "killed and started again: nobody is logged out",
    stores: { "express-session": "" },
  },
  { guarantee: LOGOUT, file: HTTP, test: logouts, stores: alone },
  {
    guarantee: LOGOUT,
    file: "test/stores/outages.test.ts",
    test: "every request is answered in time, with 503 and no cookie; then everybody goes on, and who left stays out",
    stores: { Redis: "Redis", PostgreSQL: "PostgreSQL", MariaDB: "MariaDB", Memcached: "Memcached" },
  },
  { guarantee: LOGOUT_BETWEEN, file: HTTP, test: logouts, stores: shared },
  {
    guarantee: LOGOUT_BETWEEN,
    file: "test/stores/bridges-http.test.ts",
    test: "each held by a barrier, bring nothing back",
    stores: bridges,
  },
  {
    guarantee: LOGOUT_BETWEEN,
    file: "test/stores/bridges-processes.test.ts",
    test: "a write that another process had checked before the logout does not bring the session back",
    stores: bridges,
  },
  {
    guarantee: LOGOUT_BETWEEN,
    file: "test/stores/file-processes.test.ts",
    test: "after a logout in one process, no write of another is told that it was stored",
    stores: { file: "" },
  },
  {
    guarantee: LOGOUT_BETWEEN,
    file: "test/stores/memcached-processes.test.ts",
    test: "500 sessions are ended by one process while two others save and touch what they read before: all stay ended",
    stores: { Memcached: "" },
  },
  {
    guarantee: TOLD,
    file: "test/stores/cached-schedules.test.ts",
    test: "seeded schedules with faults",
    stores: { cached: "" },
  },
  {
    guarantee: LOGOUT,
    file: "test/stores/cached-schedules.test.ts",
    test: "in every order of the calls of a reader, a writer and whoever ends the session",
    stores: { cached: "" },
  },
  {
    guarantee: SEEN,
    file: "test/stores/cached.test.ts",
    test: "what one process saved, touched, ended or rotated, another sees at once",
    stores: { cached: "" },
  },
  {
    guarantee: SEEN,
    file: "test/stores/cached.test.ts",
    test: "a write past the cache is seen within staleSeconds, however the clocks differ within skewSeconds",
    stores: { cached: "" },
  },
  {
    guarantee: REVOKED_BETWEEN,
    file: "test/stores/cached.test.ts",
    test: "a revoked user's sessions are revoked in every process as soon as the epoch has risen",
    stores: { cached: "" },
  },
  {
    guarantee: SEEN,
    file: "test/stores/near-nodes.test.ts",
    test: "a process that was stopped and goes on serves nothing from before, although it was told nothing yet",
    stores: { near: "" },
  },
  {
    guarantee: REVOKED_BETWEEN,
    file: "test/stores/near-nodes.test.ts",
    test: "a logout in another process, and a user's revocation, are told here at once",
    stores: { near: "" },
  },
];
