import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import pg from "pg";
import { startPostgres } from "../../test/servers/postgres.ts";
import { until } from "../../test/servers/process.ts";
import { startRedis } from "../../test/servers/redis.ts";

/** What a server was asked so far. */
export interface Asked {
  /** Commands or statements that clients sent. */
  readonly sent: number;
  /** Commands that scripts ran in the server. */
  readonly within: number;
}

/** A server that is asked how often it was asked. */
export interface CountingServer {
  readonly url: string;
  count(): Promise<Asked>;
  stop(): Promise<void>;
}

/** What a client sends to have a connection, and what counts. */
const NO_REQUEST = /^(hello|client|select|ping|echo|info|auth|command|subscribe)$/i;
/** The near store's feed proves with these, five in `staleSeconds`, that it still hears of changes, whether there are requests or not. */
const MARKS = "{mark}:";

/** A Redis that tells each command that it runs, by `MONITOR`. */
export async function countingRedis(): Promise<CountingServer> {
  const server = await startRedis();
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  let sent = 0;
  let within = 0;
  let last = "";
  createInterface({ input: socket }).on("line", (line) => {
    const [, source = "", command = ""] = /^\+[\d.]+ \[\d+ (\S+)\] "(.*?)"/.exec(line) ?? [];
    if (command.toLowerCase() === "echo") last = line;
    if (command === "" || NO_REQUEST.test(command) || line.includes(MARKS)) return;
    if (source === "lua") within++;
    else sent++;
  });
  socket.write("MONITOR\r\n");
  return {
    url: server.url,
    async count() {
      // What was run before is told before.
      const word = randomUUID();
      await server.command("ECHO", word);
      await until("Redis has told everything", async () => last.includes(word));
      return { sent, within };
    },
    async stop() {
      socket.destroy();
      await server.stop();
    },
  };
}

/** A PostgreSQL with `pg_stat_statements`. */
export async function countingPostgres(): Promise<CountingServer> {
  const server = await startPostgres({ settings: ["shared_preload_libraries=pg_stat_statements"] });
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query("CREATE EXTENSION pg_stat_statements");
  return {
    url: server.url,
    async count() {
      const { rows } = await client.query<{ calls: string }>(
        "SELECT coalesce(sum(calls), 0) AS calls FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'",
      );
      return { sent: Number(rows[0]?.calls), within: 0 };
    },
    async stop() {
      await client.end();
      await server.stop();
    },
  };
}
