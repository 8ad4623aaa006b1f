import { readFileSync } from "node:fs";
import mysql from "mysql2/promise";
import pg from "pg";
import { startMariadb } from "../../servers/mariadb.ts";
import { startPostgres } from "../../servers/postgres.ts";
import type { ServerProcess } from "../../servers/process.ts";
import { mysqlDrivers, postgresDrivers, type OpenSql } from "./targets.ts";

/** A server that the tests started, and what they ask of it. */
export interface Lab {
  readonly engine: "postgres" | "mariadb";
  readonly process: ServerProcess;
  readonly port: number;
  readonly drivers: Readonly<Record<string, OpenSql>>;
  /** The server's URL, or that of a proxy in front of it; for another user, if one is named. */
  url(port?: number, user?: string): string;
  /** Runs one statement as the administrator. */
  admin(sql: string): Promise<readonly (readonly unknown[])[]>;
  /** Locks every row of a table, until the function given is called. */
  hold(table: string): Promise<() => Promise<void>>;
  /** How many statements on a table the server has under way. */
  underWay(table: string): Promise<number>;
  /** Ends every other connection, as an operator would. */
  disconnectAll(): Promise<void>;
  /** Stops the server from running, with all its processes. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export async function startLab(engine: Lab["engine"], settings: readonly string[] = []): Promise<Lab> {
  return engine === "postgres" ? postgresLab(settings) : mariadbLab(settings);
}

async function postgresLab(settings: readonly string[]): Promise<Lab> {
  const server = await startPostgres({ settings });
  let paused: readonly number[] = [];
  const url = (port = server.port, user = server.user): string => `postgres://${user}@127.0.0.1:${port}/postgres`;
  const admin = async (sql: string): Promise<unknown[][]> => {
    const client = new pg.Client({ connectionString: url() });
    await client.connect();
    try {
      return (await client.query<unknown[]>({ text: sql, rowMode: "array" })).rows;
    } finally {
      await client.end();
    }
  };
  return {
    engine: "postgres",
    process: server.process,
    port: server.port,
    drivers: postgresDrivers,
    url,
    admin,
    async hold(table) {
      const client = new pg.Client({ connectionString: url() });
      await client.connect();
      await client.query("BEGIN");
      await client.query(`SELECT 1 FROM ${table} FOR UPDATE`);
      return async () => {
        await client.query("ROLLBACK");
        await client.end();
      };
    },
    async underWay(table) {
      const [row] = await admin(
        `SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%${table}%'`,
      );
      return Number(row?.[0]);
    },
    async disconnectAll() {
      await admin(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
      );
    },
    pause() {
      // Each connection has a process of its own.
      paused = readFileSync(`/proc/${server.process.pid}/task/${server.process.pid}/children`, "utf8")
        .trim()
        .split(" ")
        .map(Number);
      server.process.pause();
      for (const pid of paused) process.kill(pid, "SIGSTOP");
    },
    resume() {
      for (const pid of paused) process.kill(pid, "SIGCONT");
      paused = [];
      server.process.resume();
    },
    stop: () => server.stop(),
  };
}

async function mariadbLab(settings: readonly string[]): Promise<Lab> {
  const server = await startMariadb({ args: settings });
  const url = (port = server.port, user = server.user): string => `mysql://${user}:sojourn@127.0.0.1:${port}/sojourn`;
  const admin = async (sql: string): Promise<unknown[][]> => {
    const client = await mysql.createConnection({ uri: url(), rowsAsArray: true });
    try {
      const [rows] = await client.query<mysql.RowDataPacket[][]>(sql);
      return Array.isArray(rows) ? rows : [];
    } finally {
      await client.end();
    }
  };
  return {
    engine: "mariadb",
    process: server.process,
    port: server.port,
    drivers: mysqlDrivers,
    url,
    admin,
    async hold(table) {
      const client = await mysql.createConnection(url());
      await client.query("BEGIN");
      await client.query(`SELECT 1 FROM ${table} FOR UPDATE`);
      return async () => {
        await client.query("ROLLBACK");
        await client.end();
      };
    },
    async underWay(table) {
      const [row] = await admin(
        `SELECT count(*) FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND info LIKE '%${table}%'`,
      );
      return Number(row?.[0]);
    },
    async disconnectAll() {
      const connections = await admin(
        "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'sojourn'",
      );
      for (const [id] of connections) await admin(`KILL ${Number(id)}`).catch(() => undefined);
    },
    pause: () => server.process.pause(),
    resume: () => server.process.resume(),
    stop: () => server.stop(),
  };
}
