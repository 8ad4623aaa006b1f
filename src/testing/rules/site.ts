import { isSessionError, type SessionErrorCode } from "../../core/errors.ts";
import type { SessionsOptions } from "../../core/options.ts";
import type { Session } from "../../core/session.ts";
import { Sessions } from "../../core/sessions.ts";
import type { SessionStore } from "../../core/store.ts";
import { processRequest, processResponse } from "../../middleware/exchange.ts";
import { ok, rejects } from "../assert.ts";
import { type FakeClock, fakeClock } from "../fake-clock.ts";

export type Data = Record<string, unknown>;

/** One request that a site answers. */
export interface Visit {
  readonly session: Session<Data>;
  /** Sends the response: stores the session, and hands the browser its cookie. Gives the `Set-Cookie` values. */
  respond(status?: number): Promise<readonly string[]>;
}

/** A browser: it keeps the cookie that it was given, and sends it along. */
export class Browser {
  cookie: string | undefined;
  readonly #sessions: Sessions<Data>;

  constructor(sessions: Sessions<Data>, cookie?: string) {
    this.#sessions = sessions;
    this.cookie = cookie;
  }

  /** Opens a request; what becomes of it is the caller's. */
  async visit(): Promise<Visit> {
    const { cookie } = this;
    const header = (name: string) => (name === "cookie" ? cookie : undefined);
    const session = await processRequest(this.#sessions, { method: "GET", secure: true, header }, {});
    return {
      session,
      respond: async (status = 200) => {
        const { setCookie } = await processResponse(session, { status, header: () => undefined });
        for (const text of setCookie) this.cookie = /; Max-Age=0/i.test(text) ? undefined : text.slice(0, text.indexOf(";"));
        return setCookie;
      },
    };
  }

  /** One whole request; gives the session as the handler left it. */
  async request(handle: (session: Session<Data>) => unknown): Promise<Session<Data>> {
    const { session, respond } = await this.visit();
    await handle(session);
    await respond();
    return session;
  }

  /** What the next request finds. */
  async read(): Promise<Data> {
    const { session } = await this.visit();
    return structuredClone(await session.load());
  }

  /** Another browser with the same cookie. */
  copy(): Browser {
    return new Browser(this.#sessions, this.cookie);
  }
}

/** An application with sessions in a store, and a clock that the rule holds. */
export interface Site {
  readonly sessions: Sessions<Data>;
  readonly clock: FakeClock;
  browser(cookie?: string): Browser;
  /** A browser that has a stored session with `data`, and has come back once. */
  returning(data?: Data): Promise<Browser>;
}

export function site(
  { store, now }: { readonly store: SessionStore; readonly now: number },
  options: SessionsOptions<Data> = {},
): Site {
  const clock = fakeClock(now, { sleep: "advance" });
  const sessions = new Sessions<Data>({ clock, ...options, store });
  return {
    sessions,
    clock,
    browser: (cookie) => new Browser(sessions, cookie),
    async returning(data = { count: 1 }) {
      const browser = new Browser(sessions);
      await browser.request(async (session) => Object.assign(await session.load(), data));
      await browser.request((session) => session.load());
      return browser;
    },
  };
}

/** @throws unless `call` rejects with the error of this code */
export async function refused(call: () => unknown, code: SessionErrorCode, what: string): Promise<void> {
  const error = await rejects(call, what);
  ok(isSessionError(error, code), `${what}: expected ${code}, got ${String(error)}`);
}
