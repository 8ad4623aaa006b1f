import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What the tests can start, the program it is, and where it comes from. Django is no server, and is installed like one. */
export const SERVERS = {
  redis: { program: "redis-server", debian: "redis-server", elsewhere: "Redis 7 or newer (redis-server)" },
  memcached: { program: "memcached", debian: "memcached", elsewhere: "Memcached 1.6 or newer (memcached)" },
  postgres: { program: "postgres", debian: "postgresql", elsewhere: "PostgreSQL 14 or newer (postgres, initdb)" },
  mariadb: {
    program: "mariadbd",
    debian: "mariadb-server",
    elsewhere: "MariaDB 10.6 or newer (mariadbd, mariadb-install-db)",
  },
  django: {
    program: "django-admin",
    debian: "python3-django python3-psycopg2 python3-mysqldb python3-django-redis python3-pymemcache",
    elsewhere:
      "Django 3.2 or newer (django-admin) with psycopg2, mysqlclient, django-redis and pymemcache, for /usr/bin/python3",
  },
} as const;

export type ServerName = keyof typeof SERVERS;

/** The path of a server's program, or undefined when it is not installed. */
export function programOf(name: ServerName): string | undefined {
  return findProgram(SERVERS[name].program);
}

/** The path of a program: on the PATH, where system packages put servers, or in the newest PostgreSQL's own folder. */
export function findProgram(program: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", ...postgresFolders()];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

/** As {@link findProgram}. @throws {Error} when it is not there */
export function requireProgram(program: string): string {
  const path = findProgram(program);
  if (path === undefined) throw new Error(`${program} is not installed; \`npm run servers\` installs it`);
  return path;
}

function postgresFolders(): string[] {
  const root = "/usr/lib/postgresql";
  try {
    const versions = readdirSync(root)
      .map(Number)
      .filter((version) => version > 0);
    return versions.sort((a, b) => b - a).map((version) => join(root, String(version), "bin"));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
