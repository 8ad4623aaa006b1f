import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SITE = fileURLToPath(new URL("site.py", import.meta.url));

/** What a Django site of the tests is set to; the names are those of `site.py`. */
export interface SiteSettings {
  readonly secretKey: string;
  readonly engine: "db" | "cached_db" | "cache" | "file" | "signed_cookies";
  readonly database: Readonly<Record<string, unknown>>;
  readonly cache?: Readonly<Record<string, unknown>>;
  readonly dir?: string;
  readonly useTz?: boolean;
  readonly timeZone?: string;
}

/** A site that answers. */
export interface Site {
  /** Where it listens. */
  readonly port: number;
  /** Asks for a path on behalf of a browser, and gives the body as JSON, or as text where it is none. */
  ask(browser: Browser, path: string, query?: Readonly<Record<string, string>>): Promise<unknown>;
}

/** A browser's cookies, the same for all sites of the tests. */
export class Browser {
  readonly #cookies = new Map<string, string>();

  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  get session(): string | undefined {
    return this.#cookies.get("sessionid");
  }

  take(setCookies: readonly string[]): void {
    for (const line of setCookies) {
      const [pair = "", ...attributes] = line.split("; ");
      const at = pair.indexOf("=");
      const gone = attributes.some((each) => /^max-age=(0|-\d+)$/i.test(each));
      if (gone) this.#cookies.delete(pair.slice(0, at));
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
  }

  /** Another browser with the same cookies. */
  copy(): Browser {
    const copy = new Browser();
    for (const [name, value] of this.#cookies) copy.#cookies.set(name, value);
    return copy;
  }
}

/** Asks a server on a port. @throws {Error} for an answer that is not 200 */
export async function askPort(
  port: number,
  browser: Browser,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}?${new URLSearchParams(query).toString()}`, {
    headers: browser.header === "" ? {} : { cookie: browser.header },
  });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${body.slice(0, 300)}`);
  browser.take(answer.headers.getSetCookie());
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return body;
  }
}

/** Starts a real Django. */
export async function startSite(settings: SiteSettings): Promise<Site & { stop(): Promise<void> }> {
  const child = spawn("/usr/bin/python3", [SITE], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, SITE: JSON.stringify(settings), PYTHONDONTWRITEBYTECODE: "1" },
  });
  let problems = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (problems += text));
  const lines = createInterface({ input: child.stdout });
  const died = once(child, "exit").then(() => Promise.reject(new Error(`Django ended: ${problems.slice(-2000)}`)));
  const [port] = (await Promise.race([once(lines, "line"), died])) as [string];
  died.catch(() => undefined);
  return {
    port: Number(port),
    ask: async (browser, path, query) => {
      try {
        return await askPort(Number(port), browser, path, query);
      } catch (error) {
        throw new Error(problems.slice(-2000), { cause: error });
      }
    },
    async stop() {
      const exited = once(child, "exit");
      child.stdin.end();
      await exited;
    },
  };
}
