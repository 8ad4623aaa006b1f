import { createSessions } from "../../src/index.ts";
import { createApp } from "../../src/middleware/index.ts";
import { must } from "../measure.ts";
import { dataOf } from "./data.ts";
import type { Group } from "./harness.ts";

/** Whole requests through the middleware, on the memory store, beside the same app without sessions. */
export async function requestCases(): Promise<Group> {
  const sessions = createSessions<{ count?: number }>({ store: "memory:" });
  const { cookie } = await sessions.create({ data: dataOf(200) });
  const silent = () => new Response("ok");
  const bare = createApp({ view: silent });
  const unasked = createApp({ sessions, view: silent });
  const reading = createApp({
    sessions,
    view: async (request) => {
      const visit = await sessions.of(request).load();
      return new Response(String(visit.count));
    },
  });
  const writing = createApp({
    sessions,
    view: async (request) => {
      const visit = await sessions.of(request).load();
      visit.count = (visit.count ?? 0) + 1;
      return new Response(String(visit.count));
    },
  });
  const anonymous = () => new Request("https://shop.test/");
  const known = () => new Request("https://shop.test/", { headers: { cookie } });
  const before = Number(await (await writing(known())).text());
  const after = Number(await (await reading(known())).text());
  must(before === after && before > 1, "A request did not write what the next one read");
  return {
    title: "A whole request",
    words:
      "Web requests through `createApp`, the response's headers included, with a session of 200 bytes on the memory store.",
    cases: [
      { name: "no session middleware, no cookie", call: () => bare(anonymous()), waits: true },
      { name: "no session middleware, a cookie", call: () => bare(known()), waits: true },
      {
        name: "anonymous, not asked for",
        baseline: "no session middleware, no cookie",
        call: () => unasked(anonymous()),
        waits: true,
      },
      {
        name: "a visitor, not asked for",
        baseline: "no session middleware, a cookie",
        call: () => unasked(known()),
        waits: true,
      },
      { name: "a visitor, read", baseline: "no session middleware, a cookie", call: () => reading(known()), waits: true },
      {
        name: "a visitor, read and written",
        baseline: "no session middleware, a cookie",
        call: () => writing(known()),
        waits: true,
      },
    ],
  };
}
