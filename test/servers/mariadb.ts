import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePort, removeServerFolder, runProgram, serverFolder, ServerProcess } from "./process.ts";
import { requireProgram } from "./programs.ts";

/** A MariaDB that the tests started: user `sojourn` with password `sojourn`, who may do everything, and database `sojourn`. */
export interface MariadbServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly url: string;
  readonly socket: string;
  readonly folder: string;
  readonly process: ServerProcess;
  stop(): Promise<void>;
}

/** What a MariaDB is started with. */
export interface MariadbServerOptions {
  /** Settings as on the command line, `["--max-connections=20"]`. Later ones win. */
  readonly args?: readonly string[];
  /**
   * True keeps what was committed through a crash of the machine, as in production. Default false: faster; a killed process
   * loses nothing either way, as the log is handed to the kernel with each commit.
   */
  readonly durable?: boolean;
}

const ACCOUNT = "sojourn";

/** Makes a data folder and starts a MariaDB on a free port of 127.0.0.1. */
export async function startMariadb(options: MariadbServerOptions = {}): Promise<MariadbServer> {
  const port = await freePort();
  const folder = serverFolder("mariadb");
  const data = join(folder, "data");
  const socket = join(folder, "s.sock");
  // A server that starts removes whatever temporary tables it finds, those of others that share the folder as well.
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  const user = process.getuid?.() === 0 ? ["--user=root"] : [];
  const setup = [
    "--no-defaults",
    ...user,
    `--datadir=${data}`,
    `--tmpdir=${temporary}`,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
  ];
  await runProgram(requireProgram("mariadb-install-db"), setup);
  const flush = options.durable === true ? 1 : 2;
  const server = await ServerProcess.start({
    program: requireProgram("mariadbd"),
    args: [
      ...["--no-defaults", ...user, `--datadir=${data}`, `--port=${port}`, "--bind-address=127.0.0.1", `--socket=${socket}`],
      ...[`--innodb-flush-log-at-trx-commit=${flush}`, "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M"],
      ...[`--tmpdir=${temporary}`, "--skip-log-bin", "--skip-name-resolve", ...(options.args ?? [])],
    ],
    async ready() {
      await run(socket, "SELECT 1");
    },
    readySeconds: 60,
  });
  const stop = async (): Promise<void> => {
    await server.stop();
    removeServerFolder(folder);
  };
  try {
    const account = `'${ACCOUNT}'@'%'`;
    await run(
      socket,
      `CREATE USER ${account} IDENTIFIED BY '${ACCOUNT}'; GRANT ALL ON *.* TO ${account} WITH GRANT OPTION; CREATE DATABASE ${ACCOUNT};`,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host: "127.0.0.1",
    port,
    user: ACCOUNT,
    password: ACCOUNT,
    database: ACCOUNT,
    url: `mysql://${ACCOUNT}:${ACCOUNT}@127.0.0.1:${port}/${ACCOUNT}`,
    socket,
    folder,
    process: server,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function run(socket: string, sql: string): Promise<string> {
  return runProgram(requireProgram("mariadb"), ["--no-defaults", "-u", "root", `--socket=${socket}`, "-e", sql]);
}
