import { createSessions } from "sojourn";
import { fetchSession } from "sojourn/fetch";

interface Visit {
  count?: number;
}

// Over plain http on loopback, and only there, the cookie does without `Secure`.
const sessions = createSessions<Visit>({ cookie: { secure: false } });

/** The counter as a function from `Request` to `Response`, for any runtime that has them. */
export const fetch = fetchSession(sessions, async (_request, session) => {
  const count = await session.update((visit) => (visit.count = (visit.count ?? 0) + 1));
  return new Response(count === 1 ? "No count in session. Setting to 1" : `new count=${count}`);
});
