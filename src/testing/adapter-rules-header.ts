import { headerOf, linesOf } from "./adapter-client.ts";
import type { AdapterRule, KitRoute } from "./adapter-rule.ts";
import { counter, knownVisitor, read } from "./adapter-rule-support.ts";
import { equal } from "./assert.ts";

function readWith(path: string, ...headers: readonly (readonly [string, string])[]): KitRoute {
  return {
    path,
    async answer(call) {
      await call.session().load();
      return { headers, body: "read" };
    },
  };
}

/** What caches are told. */
export const headerRules: readonly AdapterRule[] = [
  {
    name: "a response for which the session was read says `Vary: Cookie` and `Cache-Control: private, no-store`, and sets no cookie",
    async run({ start }) {
      const server = await start([counter, read]);
      const known = await knownVisitor(server);
      // The first time that its cookie comes back a session gets its full lifetime, and the cookie is sent again.
      await known.get("/read");
      for (const visitor of [server.visitor(), known]) {
        const answer = await visitor.get("/read");
        equal(linesOf(answer, "vary"), ["Cookie"], "Vary");
        equal(linesOf(answer, "cache-control"), ["private, no-store"], "Cache-Control");
        equal(linesOf(answer, "set-cookie"), [], "cookies");
      }
    },
  },
  {
    name: "a Cache-Control of the handler stays",
    async run({ start }) {
      const server = await start([readWith("/own", ["Cache-Control", "private, max-age=60"])]);
      equal(linesOf(await server.visitor().get("/own"), "cache-control"), ["private, max-age=60"], "Cache-Control");
    },
  },
  {
    name: "Vary is merged with the handler's, without repeating a name, and `*` stays alone",
    async run({ start }) {
      const server = await start([
        readWith("/other", ["Vary", "Accept-Encoding"]),
        readWith("/same", ["Vary", "accept, COOKIE"]),
        readWith("/all", ["Vary", "*"]),
      ]);
      const visitor = server.visitor();
      equal(headerOf(await visitor.get("/other"), "vary"), "Accept-Encoding, Cookie", "Vary beside another name");
      equal(headerOf(await visitor.get("/same"), "vary"), "accept, COOKIE", "Vary that names it already");
      equal(headerOf(await visitor.get("/all"), "vary"), "*", "Vary with `*`");
    },
  },
  {
    name: "headers of the handler come through as they are",
    async run({ start }) {
      const server = await start([readWith("/own", ["X-One", "1"], ["ETag", '"tag"'], ["Link", "</a>; rel=next"])]);
      const answer = await server.visitor().get("/own");
      equal(
        ["x-one", "etag", "link"].map((name) => headerOf(answer, name)),
        ["1", '"tag"', "</a>; rel=next"],
        "the headers",
      );
    },
  },
];
