import type { SessionHandle, SessionId } from "../core/id.ts";
import type { CreateOptions, Sessions } from "../core/sessions.ts";

/** A cookie as Playwright's `browserContext.addCookies` takes it. */
export interface PlaywrightCookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly path: string;
  /** Seconds since 1970-01-01T00:00:00Z; -1 for a cookie that ends with the browser. */
  readonly expires: number;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  readonly sameSite?: "Strict" | "Lax" | "None";
}

/** Somebody who has a session, for tests of an application. */
export interface TestVisitor {
  /** The id, or null with a cookie store. */
  readonly id: SessionId | null;
  readonly handle: SessionHandle;
  /** The text of a `Cookie` header: for `fetch`, `app.request()`, `app.inject()`, supertest's `.set("cookie", …)`. */
  readonly cookieHeader: string;
  /**
   * The cookies for a browser: `await context.addCookies(ada.playwrightCookies(origin))`. Several only with a cookie store.
   *
   * @param url any page of the site; browsers take `http://localhost` for a secure place, an address such as `http://127.0.0.1` they
   *   do not
   * @throws {TypeError} when it is no URL
   */
  playwrightCookies(url: string | URL): PlaywrightCookie[];
}

const SAME_SITE = new Map([
  ["strict", "Strict"],
  ["lax", "Lax"],
  ["none", "None"],
] as const);

/**
 * Logs a visitor in, or gives one data, without a request: what a test of an application begins with.
 *
 * ```ts
 * const ada = await visitor(sessions, { userId: "ada", data: { cart: ["tea"] } });
 * await fetch(url, { headers: { cookie: ada.cookieHeader } });
 * ```
 */
export async function visitor<T extends object>(
  sessions: Sessions<T>,
  options: CreateOptions<T> = {},
): Promise<TestVisitor> {
  const { id, handle, cookie, setCookie } = await sessions.create(options);
  return {
    id,
    handle,
    cookieHeader: cookie,
    playwrightCookies(url) {
      const { hostname } = new URL(url);
      return setCookie.map((text) => toPlaywright(text, hostname));
    },
  };
}

function toPlaywright(setCookie: string, hostname: string): PlaywrightCookie {
  const [pair = "", ...parts] = setCookie.split("; ");
  const attributes = new Map(parts.map((part) => split(part.toLowerCase(), part)));
  const [name, value] = split(pair, pair);
  const domain = attributes.get("domain");
  const maxAge = attributes.get("max-age");
  const sameSite = SAME_SITE.get(attributes.get("samesite")?.toLowerCase() as "strict" | "lax" | "none");
  return {
    name,
    value,
    // A leading dot is how a browser's own interface tells a shared domain from a single host.
    domain: domain === undefined ? hostname : `.${domain.replace(/^\./, "")}`,
    path: attributes.get("path") ?? "/",
    expires: maxAge === undefined ? -1 : Math.floor(Date.now() / 1000) + Number(maxAge),
    httpOnly: attributes.has("httponly"),
    secure: attributes.has("secure"),
    ...(sameSite && { sameSite }),
  };
}

/** Name and value of a part; the name as `names` spells it. */
function split(names: string, part: string): [name: string, value: string] {
  const equals = part.indexOf("=");
  return equals === -1 ? [names, ""] : [names.slice(0, equals), part.slice(equals + 1)];
}
