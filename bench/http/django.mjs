import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Debian's own, which its packages are for. */
const PYTHON = "/usr/bin/python3";
const FOLDER = fileURLToPath(new URL("django", import.meta.url));

/** The Python modules that are needed, and the Debian packages that they are in. */
const PACKAGES = { django: "python3-django", gunicorn: "python3-gunicorn" };
const POSTGRES = { psycopg2: "python3-psycopg2" };

const STORES = ["memory", "sqlite", "postgres", "cookie"];

/** `django-<store>`. */
export const django = Object.fromEntries(STORES.map((store) => [`django-${store}`, { framework: "django" }]));

export const isDjango = (name) => name === "django" || name in django;

/** Those that this machine can start. Of the others it says what they need. */
export function startable(names) {
  if (!names.some(isDjango)) return names;
  const absent = absentOf(Object.keys({ ...PACKAGES, ...POSTGRES }));
  const needed = (name) =>
    Object.entries({ ...(isDjango(name) && PACKAGES), ...(name === "django-postgres" && POSTGRES) })
      .filter(([module]) => absent.includes(module))
      .map(([, debian]) => debian);
  const left = names.filter((name) => needed(name).length > 0);
  const packages = [...new Set(left.flatMap(needed))].join(" ");
  if (left.length > 0)
    process.stderr.write(
      `left out: ${left.join(", ")}; ${PYTHON} has not what they need: apt-get install --no-install-recommends ${packages}\n`,
    );
  return names.filter((name) => !left.includes(name));
}

function absentOf(modules) {
  const script =
    "import sys; from importlib.util import find_spec; print(*[m for m in sys.argv[1:] if find_spec(m) is None])";
  const { status, stdout } = spawnSync(PYTHON, ["-c", script, ...modules], { encoding: "utf8", cwd: FOLDER });
  return status === 0 ? stdout.trim().split(" ") : modules;
}

/** Starts Django under gunicorn, with a session store or, as plain `django`, with no sessions. As `startServer`. */
export async function startDjango(name, urls) {
  const [, store = null] = name.split("-");
  const site = { store, sqlite: `${urls.sqlite}-django`, postgres: urls.postgres };
  const child = spawn(PYTHON, ["-m", "gunicorn", "--config", "gunicorn.conf.py", "site_wsgi:application"], {
    cwd: FOLDER,
    // Ctrl-C is not for it: it ends when the channel does, in order.
    detached: true,
    stdio: ["ignore", "ignore", "inherit", "pipe"],
    env: {
      ...process.env,
      SITE: JSON.stringify(site),
      DJANGO_SETTINGS_MODULE: "settings",
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
  const channel = child.stdio[3];
  const lines = createInterface({ input: channel });
  const died = once(child, "exit").then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`)));
  const answer = async () => JSON.parse((await Promise.race([once(lines, "line"), died]))[0]);
  died.catch(() => undefined);
  const { port, pid, versions } = await answer();
  return {
    url: `http://127.0.0.1:${port}`,
    pids: [child.pid, pid],
    versions,
    async cpu() {
      channel.write("\n");
      return answer();
    },
    async stop() {
      channel.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}
