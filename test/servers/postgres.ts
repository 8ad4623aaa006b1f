import { chownSync, mkdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort, removeServerFolder, runProgram, serverFolder, ServerProcess } from "./process.ts";
import { requireProgram } from "./programs.ts";

/** A PostgreSQL that the tests started: user `postgres`, no password, database `postgres`. */
export interface PostgresServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly url: string;
  readonly folder: string;
  readonly process: ServerProcess;
  stop(): Promise<void>;
}

/** What a PostgreSQL is started with. */
export interface PostgresServerOptions {
  /** Settings, `["shared_preload_libraries=pg_stat_statements"]`. Later ones win. */
  readonly settings?: readonly string[];
  /**
   * True keeps what was committed through a crash of the machine, as in production. Default false: faster; a killed process
   * loses nothing either way.
   */
  readonly durable?: boolean;
}

// Commits are still handed to the kernel: without `synchronous_commit`, a killed process would lose the last of them.
const FAST = ["fsync=off", "full_page_writes=off"];

/** Makes a database cluster in a folder of its own and starts a PostgreSQL on a free port of 127.0.0.1. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const port = await freePort();
  const folder = serverFolder("postgres");
  const data = join(folder, "data");
  const account = process.getuid?.() === 0 ? accountOf("postgres") : undefined;
  mkdirSync(data, { mode: 0o700 });
  if (account !== undefined) for (const path of [folder, data]) chownSync(path, account.uid, account.gid);
  const make = [requireProgram("initdb"), "-D", data, "-A", "trust", "-U", "postgres", "-N", "--locale=C", "-E", "UTF8"];
  const [initProgram, initArgs] = asAccount(account !== undefined, make);
  await runProgram(initProgram, initArgs);
  const settings = [...(options.durable === true ? [] : FAST), ...(options.settings ?? [])];
  const serve = [requireProgram("postgres"), "-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder];
  const [program, args] = asAccount(account !== undefined, [...serve, ...settings.flatMap((setting) => ["-c", setting])]);
  const server = await ServerProcess.start({ program, args, ready: () => answers(port) });
  const stop = async (): Promise<void> => {
    // Its fast shutdown: it does not wait for clients that are still connected.
    await server.stop("SIGINT");
    removeServerFolder(folder);
  };
  return {
    host: "127.0.0.1",
    port,
    user: "postgres",
    database: "postgres",
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    folder,
    process: server,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Lets no file of a running PostgreSQL grow beyond so many bytes, as if the disk were full; `undefined`: as large as they like. */
export async function limitFiles({ pid }: ServerProcess, bytes: number | undefined): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  for (const each of [String(pid), ...children]) {
    const limit = `--fsize=${bytes ?? "unlimited"}:unlimited`;
    const [program, args] = asAccount(isRoot, [requireProgram("prlimit"), "--pid", each, limit]);
    await runProgram(program, args).catch((error: unknown) => {
      // A connection that has ended meanwhile.
      if (!(error instanceof Error && error.message.includes("No such process"))) throw error;
    });
  }
}

/** PostgreSQL refuses to run as root: `setpriv` becomes the server itself, under the same process id. */
function asAccount(isRoot: boolean, command: readonly string[]): [program: string, args: readonly string[]] {
  const [program = "", ...args] = command;
  if (!isRoot) return [program, args];
  const become = ["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"];
  return [requireProgram("setpriv"), [...become, program, ...args]];
}

function accountOf(name: string): { uid: number; gid: number } {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((each) => each.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`There is no user ${name}; PostgreSQL cannot run as root`);
  return { uid: Number(uid), gid: Number(gid) };
}

/** Begins a session by PostgreSQL's protocol and waits until the server says that it is ready for a query. */
function answers(port: number): Promise<void> {
  const body = Buffer.from("user\0postgres\0database\0postgres\0\0", "utf8");
  const start = Buffer.alloc(8);
  start.writeInt32BE(8 + body.length, 0);
  start.writeInt32BE(196_608, 4);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const timer = setTimeout(() => finish(new Error("No answer in time")), 2000);
    let reply = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      reply = Buffer.concat([reply, chunk]);
      if (reply[0] === 0x45) finish(new Error("It is still starting"));
      // "Ready for query", idle.
      else if (reply.subarray(-6).equals(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))) finish();
    });
    socket.once("error", finish);
    socket.once("close", () => finish(new Error("The connection ended early")));
    socket.write(Buffer.concat([start, body]));
  });
}
