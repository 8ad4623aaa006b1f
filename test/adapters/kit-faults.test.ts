import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer, type Server, type ServerResponse } from "node:http";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { createAdaptorServer } from "@hono/node-server";
import type { Session } from "../../src/core/session.ts";
import type { Sessions } from "../../src/core/sessions.ts";
import {
  afterResponse,
  type HeaderChanges,
  isAttached,
  processRequest,
  processResponse,
  type SessionRequest,
} from "../../src/middleware/exchange.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { runAdapterRule } from "../../src/testing/adapter-kit.ts";
import type { AdapterTarget, KitData, KitRoute } from "../../src/testing/adapter-rule.ts";
import { adapterRules } from "../../src/testing/adapter-rules.ts";
import { answerOnNode, listen, nodeCall, webCall, webResponse } from "./targets.ts";

type WebAdapter = (
  sessions: Sessions<KitData>,
  request: Request,
  handle: (session: Session<KitData>) => Promise<Response>,
) => Promise<Response>;

const errorOf = (error: unknown): Response => {
  const { status = 500, headers = {} } = (error ?? {}) as { status?: number; headers?: Record<string, string> };
  return new Response("an error", { status, headers });
};

function requestOf(request: Request): SessionRequest {
  return { method: request.method, secure: false, header: (name) => request.headers.get(name) ?? undefined };
}

function change(response: Response, { set, setCookie }: HeaderChanges): Response {
  const copy = new Response(response.body, response);
  for (const [name, value] of set) copy.headers.set(name, value);
  for (const cookie of setCookie) copy.headers.append("set-cookie", cookie);
  return copy;
}

interface Steps {
  readonly open: (sessions: Sessions<KitData>, request: Request) => Promise<Session<KitData>>;
  readonly handle: (request: Request, handle: () => Promise<Response>) => Promise<Response>;
  readonly commit: (session: Session<KitData>, response: Response, request: Request) => Promise<HeaderChanges>;
  readonly change: (response: Response, changes: HeaderChanges) => Response | Promise<Response>;
  readonly failed: (error: unknown, response: Response) => Response;
}

/** An adapter in five steps, each of which a fault replaces. */
const right: Steps = {
  open: async (sessions, request) => processRequest(sessions, requestOf(request), request),
  handle: (_request, handle) => handle(),
  commit: (session, response, request) =>
    processResponse(session, {
      status: response.status,
      header: (name) => response.headers.get(name) ?? undefined,
      aborted: request.signal.aborted,
    }),
  change,
  failed: errorOf,
};

function adapterOf(fault: Partial<Steps>): WebAdapter {
  const steps = { ...right, ...fault };
  return async (sessions, request, handle) => {
    if (isAttached(sessions, request)) return handle(sessions.of(request));
    let session: Session<KitData>;
    try {
      session = await steps.open(sessions, request);
    } catch (error) {
      return errorOf(error);
    }
    const response = await steps.handle(request, () => handle(session));
    try {
      return await steps.change(response, await steps.commit(session, response, request));
    } catch (error) {
      return steps.failed(error, response);
    }
  };
}

function webTarget(name: string, adapter: WebAdapter): AdapterTarget {
  return {
    name,
    has: [],
    mount(routes, sessions, mounted) {
      const handle = async (request: Request, session?: Session<KitData>): Promise<Response> => {
        const route = routes.find(({ path }) => path === new URL(request.url).pathname);
        assert.ok(route);
        return webResponse(await route.answer(webCall(() => sessions.of(request), session, request)), request);
      };
      const once = (request: Request): Promise<Response> =>
        adapter(sessions, request, (session) => handle(request, session));
      const twice = (request: Request): Promise<Response> => adapter(sessions, request, () => once(request));
      const mount = { never: handle, once, twice }[mounted];
      const fetch = (request: Request): Promise<Response> => mount(request).catch(errorOf);
      return listen(createAdaptorServer({ fetch, overrideGlobalObjects: false }) as Server);
    },
  };
}

const faults: readonly { readonly fault: string; readonly steps: Partial<Steps>; readonly breaks: readonly string[] }[] = [
  {
    fault: "answers before the session is stored",
    steps: {
      commit: async (session, response, request) => {
        void right.commit(session, response, request).catch(() => {});
        return { set: [], setCookie: [] };
      },
    },
    breaks: ["no header of /text leaves before a change is stored", "the counter counts"],
  },
  {
    fault: "leaves the other headers alone",
    steps: { change: (response, changes) => change(response, { ...changes, set: [] }) },
    breaks: [
      "a response for which the session was read says `Vary: Cookie` and `Cache-Control: private, no-store`, and sets no cookie",
      "Vary is merged with the handler's, without repeating a name, and `*` stays alone",
    ],
  },
  {
    fault: "sets Vary in place of the handler's",
    steps: { change: (response, changes) => change(response, { ...changes, set: [["Vary", "Cookie"]] }) },
    breaks: ["Vary is merged with the handler's, without repeating a name, and `*` stays alone"],
  },
  {
    fault: "adds its headers to every response",
    steps: { change: (response, changes) => change(response, { ...changes, set: [["Vary", "Cookie"]] }) },
    breaks: ["a session that nobody asks for leaves no trace in the response and makes no store call"],
  },
  {
    fault: "sets its cookie in place of the handler's",
    steps: {
      change(response, changes) {
        const copy = change(response, { ...changes, setCookie: [] });
        for (const cookie of changes.setCookie) copy.headers.set("set-cookie", cookie);
        return copy;
      },
    },
    breaks: ["two cookies of the handler survive beside the session's"],
  },
  {
    fault: "sets its cookie twice",
    steps: {
      change: (response, { set, setCookie }) => change(response, { set, setCookie: [...setCookie, ...setCookie] }),
    },
    breaks: ["the first write sets one cookie, with the secure attributes and no others"],
  },
  {
    fault: "changes the headers of a redirect in place",
    steps: {
      change(response, { set, setCookie }) {
        for (const [name, value] of set) response.headers.set(name, value);
        for (const cookie of setCookie) response.headers.append("set-cookie", cookie);
        return response;
      },
    },
    breaks: ["no header of /redirect leaves before a new session is stored"],
  },
  {
    fault: "answers 200 although nothing could be stored",
    steps: { failed: (_error, response) => response },
    breaks: [
      "a session that cannot be stored is answered with 503, with nothing of the handler's",
      "a session that was ended while /text ran is answered with 400, with nothing of the handler's",
    ],
  },
  {
    fault: "answers every error with 500",
    steps: { failed: () => errorOf(undefined) },
    breaks: ["a write that a merge refuses is answered with 409"],
  },
  {
    fault: "puts the handler's headers on the error",
    steps: { failed: (error, { headers }) => new Response("an error", { status: errorOf(error).status, headers }) },
    breaks: ["a session that was ended while /redirect ran is answered with 400, with nothing of the handler's"],
  },
  {
    fault: "stores on 5xx",
    steps: {
      commit: (session, { headers }, request) => right.commit(session, new Response(null, { headers }), request),
    },
    breaks: ["a 5xx that the handler answers by itself stores nothing, and sets no cookie"],
  },
  {
    fault: "stores nothing on 4xx",
    steps: {
      commit: (session, response, request) => {
        const status = response.status >= 400 ? 500 : response.status;
        return right.commit(
          session,
          new Response(null, { status: Math.max(status, 200), headers: response.headers }),
          request,
        );
      },
    },
    breaks: ["a 4xx is an answer like any other: what the handler changed is stored"],
  },
  {
    fault: "does not notice that the client has gone",
    steps: {
      commit: (session, { status, headers }) =>
        processResponse(session, { status, header: (name) => headers.get(name) ?? undefined }),
    },
    breaks: ["a client that went away: no session is created that nobody would ever hold"],
  },
  {
    fault: "stores nothing once the client has gone",
    steps: {
      commit: async (session, response, request) =>
        request.signal.aborted ? { set: [], setCookie: [] } : right.commit(session, response, request),
    },
    breaks: ["a client that went away: what its handler changed in a session that exists is stored"],
  },
  {
    fault: "collects streams before it answers",
    steps: { change: async (response, changes) => change(new Response(await response.arrayBuffer(), response), changes) },
    breaks: ["a streamed body leaves piece by piece, not all at its end"],
  },
  {
    fault: "takes a failed load for a new visitor",
    steps: {
      open: async (sessions, request) => {
        await Promise.resolve(processRequest(sessions, requestOf(request), request)).catch(() => {});
        return sessions.of(request);
      },
    },
    breaks: ['with `load: "always"` a store that is down is answered with 503, and the handler does not run'],
  },
];

async function outcomeOf(target: AdapterTarget, name: string): Promise<string> {
  const rule = adapterRules.find((one) => one.name === name);
  assert.ok(rule, `there is a rule: ${name}`);
  return (await runAdapterRule(rule, target, { store: () => memoryStore(), ruleSeconds: 2 })).outcome;
}

test("the adapter that the faults are planted in keeps every rule", async () => {
  const target = webTarget("right", adapterOf({}));
  for (const name of new Set(faults.flatMap(({ breaks }) => breaks)))
    assert.equal(await outcomeOf(target, name), "passed", name);
});

for (const { fault, steps, breaks } of faults) {
  test(`the kit catches an adapter that ${fault}`, async () => {
    const target = webTarget(fault, adapterOf(steps));
    for (const name of breaks) assert.equal(await outcomeOf(target, name), "failed", name);
  });
}

type Ending = (res: ServerResponse, session: Session<KitData>, end: () => void) => void;

/** An adapter that only looks at `end`, as middleware of the past did. */
function endTarget(name: string, ending: Ending): AdapterTarget {
  return {
    name,
    has: ["node", "finish"],
    mount(routes: readonly KitRoute[], sessions, mounted) {
      return listen(
        createServer((req, res) => {
          const request = { method: "GET", secure: false, header: (header: string) => req.headers[header]?.toString() };
          const session = processRequest(sessions, request, req) as Session<KitData>;
          const { end } = res;
          const late = (...args: unknown[]): ServerResponse => {
            ending(res, session, () => void Reflect.apply(end, res, args));
            return res;
          };
          if (mounted !== "never") res.end = late;
          const route = routes.find(({ path }) => path === req.url);
          assert.ok(route);
          void Promise.resolve(route.answer(nodeCall(sessions, req, req, res))).then((reply) => answerOnNode(res, reply));
        }),
      );
    },
  };
}

function commitOn(res: ServerResponse, session: Session<KitData>): Promise<HeaderChanges> {
  return processResponse(session, { status: res.statusCode, header: (name) => res.getHeader(name)?.toString() });
}

test("the kit catches an adapter that only waits at the end", async () => {
  const target = endTarget("end", (res, session, end) => {
    void commitOn(res, session).then(({ set, setCookie }) => {
      if (!res.headersSent) {
        for (const [name, value] of set) res.setHeader(name, value);
        for (const cookie of setCookie) res.appendHeader("set-cookie", cookie);
      }
      end();
    });
  });
  for (const name of [
    "writeHead with an object: the session's cookie is there once, and the handler's headers are too",
    "flushHeaders waits for the store, and what is written later streams",
    "as on a plain server: the state of a response in one piece",
    "after the headers left, what needs a cookie throws ERR_SESSION_HEADERS_SENT before it touches the store",
  ]) {
    assert.equal(await outcomeOf(target, name), "failed", name);
  }
});

test("the kit catches an adapter that does not see the response finish", async () => {
  const target = { ...webTarget("unfinished", adapterOf({})), has: ["finish"] as const };
  const name = "what a stream changes on the loaded data of a session that exists is stored when the response has finished";
  assert.equal(await outcomeOf(target, name), "failed", name);
});

test("the kit catches an error that reaches nobody", () => {
  const fixture = new URL("fixtures/stray.ts", import.meta.url);
  const { stdout } = spawnSync(process.execPath, ["--conditions=sojourn:source", fileURLToPath(fixture)], {
    encoding: "utf8",
  });
  assert.equal(stdout, "failed: an error reached nobody: Error: reached nobody\n");
});

test("the kit catches an adapter that answers and then stores", async () => {
  const target = endTarget("late", (res, session, end) => {
    end();
    void commitOn(res, session).then(() => afterResponse(session));
  });
  assert.equal(await outcomeOf(target, "the counter counts"), "failed");
});
