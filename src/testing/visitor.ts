import type { CreateOptions, Sessions } from "../core/sessions.ts";

/** A visitor with a session, made for a test. */
export interface TestVisitor {
  /** What the visitor's client sends: `request(app).get("/").set("cookie", ada.cookieHeader)`, or `headers: { cookie }` of `fetch`. */
  readonly cookieHeader: string;
  /**
   * The cookies for a browser: `context.addCookies(ada.playwrightCookies("http://localhost:3000"))`.
   *
   * @param url where the application is served; browsers take `http://localhost` for a secure place, an address such as
   *   `http://127.0.0.1` they do not
   */
  playwrightCookies(url: string): PlaywrightCookie[];
}

/** A cookie as Playwright's `addCookies` takes it. */
export interface PlaywrightCookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly path: string;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  readonly sameSite: "Lax" | "Strict" | "None";
}

/**
 * Makes a visitor who has a session already, and with `userId` one who is logged in, without going through the login page.
 *
 * ```ts
 * const ada = await visitor(sessions, { userId: "ada", data: { cart: ["book"] } });
 * ```
 */
export async function visitor<T extends object>(
  sessions: Sessions<T>,
  options: CreateOptions<T> = {},
): Promise<TestVisitor> {
  const { cookie: cookieHeader } = await sessions.create(options);
  const { domain, path, httpOnly, secure, sameSite } = sessions.options.cookie;
  return {
    cookieHeader,
    playwrightCookies: (url) =>
      cookieHeader.split("; ").map((pair) => {
        const equals = pair.indexOf("=");
        return {
          name: pair.slice(0, equals),
          value: pair.slice(equals + 1),
          domain: domain ?? new URL(url).hostname,
          path,
          httpOnly,
          secure,
          sameSite: sameSite === "strict" ? "Strict" : sameSite === "none" ? "None" : "Lax",
        };
      }),
  };
}
