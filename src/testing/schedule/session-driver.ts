import type { Clock } from "../../core/clock.ts";
import { sum } from "../../core/merge.ts";
import { Sessions } from "../../core/sessions.ts";
import type { SessionStore } from "../../core/store.ts";
import { processRequest, processResponse } from "../../middleware/exchange.ts";
import type { Application, Trail, Visit } from "./driver.ts";

/** How long sessions of a schedule live, in seconds: longer than any schedule. */
export const LIFETIME_SECONDS = 1_209_600;

/** The sessions that schedules drive, and that look at what is left of them. */
export function scheduleSessions(store: SessionStore, clock: Clock): Sessions<Trail> {
  return new Sessions<Trail>({
    store,
    clock,
    merge: { count: sum },
    idleSeconds: LIFETIME_SECONDS,
    absoluteSeconds: 2 * LIFETIME_SECONDS,
    firstSeconds: LIFETIME_SECONDS,
    // The schedule decides what is slow, and the machine's clock has no part in it.
    storeTimeoutSeconds: 3600,
  });
}

/** An application with real sessions. */
export function sessionApplication(store: SessionStore, clock: Clock): Application {
  const sessions = scheduleSessions(store, clock);
  return {
    visit: (id) => sessionVisit(sessions, id),
    revoke: async (id) => void (await sessions.revoke(id)),
    revokeUser: async (userId, except) => void (await sessions.revokeUser(userId, { except })),
    sweep: async () => void (await sessions.clearExpired()),
  };
}

function sessionVisit(sessions: Sessions<Trail>, id: string | null): Visit {
  const cookie = id === null ? undefined : `${sessions.options.cookieName}=${id}`;
  const header = (name: string) => (name === "cookie" ? cookie : undefined);
  const opened = processRequest(sessions, { method: "POST", secure: true, header }, {});
  if (opened instanceof Promise) throw new TypeError("The sessions of a schedule are loaded when they are asked for.");
  const session = opened;
  return {
    load: () => session.load(),
    update: (change) => session.update((data) => change(data)),
    exclusive: (change) => session.exclusive((data) => change(data), { holdSeconds: 1, waitSeconds: 0.1 }),
    cycle: () => session.cycleId(),
    login: (userId) => session.login(userId),
    logout: () => session.logout(),
    async respond() {
      const { setCookie } = await processResponse(session, { status: 200, header: () => undefined });
      const [text] = setCookie;
      if (text === undefined) return undefined;
      if (/; Max-Age=0/i.test(text)) return null;
      return text.slice(text.indexOf("=") + 1, text.indexOf(";"));
    },
  };
}
