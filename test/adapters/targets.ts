import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import express4 from "express4";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expressSession } from "../../src/adapters/express.ts";
import { fastifySession } from "../../src/adapters/fastify.ts";
import { fetchSession } from "../../src/adapters/fetch.ts";
import { honoSession } from "../../src/adapters/hono.ts";
import { koaSession } from "../../src/adapters/koa.ts";
import { type NodeListener, nodeSession } from "../../src/adapters/node.ts";
import type { Sessions } from "../../src/core/sessions.ts";
import type {
  AdapterTarget,
  KitCall,
  KitData,
  KitMounting,
  KitReply,
  KitRoute,
  MountedServer,
} from "../../src/testing/adapter-rule.ts";

type Plain = Exclude<KitReply, "answered" | { readonly redirect: string }>;

const TIMES: Readonly<Record<KitMounting, number>> = { never: 0, once: 1, twice: 2 };

export async function listen(server: Server): Promise<MountedServer> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function gone(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => res.once("close", () => resolve()));
}

export function nodeCall(sessions: Sessions<KitData>, carrier: object, req: IncomingMessage, res: ServerResponse): KitCall {
  return {
    session: () => sessions.of(carrier),
    property: Reflect.get(carrier, "session"),
    gone: gone(res),
    node: { req, res },
  };
}

/** Answers as a handler of plain Node would. */
export async function answerOnNode(res: ServerResponse, reply: KitReply): Promise<void> {
  if (reply === "answered") return;
  if ("redirect" in reply) {
    res.writeHead(302, { Location: reply.redirect });
    res.end();
    return;
  }
  setOnNode(res, reply);
  if (typeof reply.body === "string" || reply.body === undefined) res.end(reply.body);
  else await pipeline(Readable.from(reply.body), res);
}

function setOnNode(res: ServerResponse, { status = 200, headers = [] }: Plain): void {
  res.statusCode = status;
  for (const [name, value] of headers) res.appendHeader(name, value);
}

export function webResponse(reply: KitReply, request: Request): Response {
  if (reply === "answered") throw new Error("a Web handler has no Node response");
  // The headers of this one cannot be changed.
  if ("redirect" in reply) return Response.redirect(new URL(reply.redirect, request.url), 302);
  const { status = 200, headers = [], body = null } = reply;
  const content = body === null || typeof body === "string" ? body : ReadableStream.from(encode(body));
  return new Response(content as ConstructorParameters<typeof Response>[0], {
    status,
    headers: headers.map(([name, value]) => [name, value]),
  });
}

async function* encode(body: AsyncIterable<string>): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  for await (const piece of body) yield encoder.encode(piece);
}

function routeOf(routes: readonly KitRoute[], url: string | undefined): KitRoute {
  const found = routes.find(({ path }) => path === url);
  if (!found) throw new Error(`no such route: ${url}`);
  return found;
}

const silent = { onError: () => {} };

export const nodeTarget: AdapterTarget = {
  name: "node",
  has: ["node", "finish", "error status"],
  mount(routes, sessions, mounted) {
    let listener: NodeListener = async (req, res) => {
      const route = routeOf(routes, req.url);
      await answerOnNode(res, await route.answer(nodeCall(sessions, req, req, res)));
    };
    for (let time = 0; time < TIMES[mounted]; time++) listener = nodeSession(sessions, silent).wrap(listener);
    return listen(createServer(listener));
  },
};

interface ExpressResponse extends ServerResponse {
  redirect(url: string): void;
  status(code: number): this;
  send(body?: string): void;
}

interface ExpressApp {
  set(name: string, value: unknown): unknown;
  use(middleware: ReturnType<typeof expressSession>): unknown;
  all(path: string, handler: (req: IncomingMessage, res: ExpressResponse, next: (error?: unknown) => void) => void): unknown;
}

function expressTarget(name: string, create: () => ExpressApp): AdapterTarget {
  return {
    name,
    has: ["node", "finish", "error status"],
    mount(routes, sessions, mounted) {
      const app = create();
      // Express writes what no handler took to the console, but for this environment.
      app.set("env", "test");
      for (let time = 0; time < TIMES[mounted]; time++) app.use(expressSession(sessions));
      for (const route of routes) {
        app.all(route.path, (req, res, next) => {
          const answer = async (): Promise<void> => {
            const reply = await route.answer(nodeCall(sessions, req, req, res));
            if (reply === "answered") return;
            if ("redirect" in reply) return res.redirect(reply.redirect);
            setOnNode(res, reply);
            if (reply.body === undefined || typeof reply.body === "string") res.send(reply.body);
            else await pipeline(Readable.from(reply.body), res);
          };
          // Express 4 does not look at promises.
          answer().catch(next);
        });
      }
      return listen(createServer(app as unknown as RequestListener));
    },
  };
}

export const express5Target: AdapterTarget = expressTarget("express 5", () => express());
export const express4Target: AdapterTarget = expressTarget("express 4", () => express4());

export const fastifyTarget: AdapterTarget = {
  name: "fastify",
  has: ["node", "finish", "error status"],
  async mount(routes, sessions, mounted) {
    const app = fastify({ forceCloseConnections: true });
    for (let time = 0; time < TIMES[mounted]; time++) app.register(fastifySession(sessions));
    for (const route of routes) {
      app.all(route.path, async (request, reply) => {
        const answer = await route.answer(nodeCall(sessions, request, request.raw, reply.raw));
        if (answer === "answered") return reply.hijack();
        if ("redirect" in answer) return reply.redirect(answer.redirect);
        const { status = 200, headers = [], body } = answer;
        reply.code(status);
        for (const [name, value] of headers) reply.header(name, value);
        return reply.send(body === undefined || typeof body === "string" ? body : Readable.from(encode(body)));
      });
    }
    await app.listen({ port: 0, host: "127.0.0.1" });
    return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
  },
};

export const koaTarget: AdapterTarget = {
  name: "koa",
  has: ["node", "finish", "error status"],
  mount(routes, sessions, mounted) {
    const app = new Koa();
    app.silent = true;
    for (let time = 0; time < TIMES[mounted]; time++) app.use(koaSession(sessions));
    app.use(async (ctx) => {
      const reply = await routeOf(routes, ctx.path).answer(nodeCall(sessions, ctx, ctx.req, ctx.res));
      if (reply === "answered") {
        ctx.respond = false;
        return;
      }
      if ("redirect" in reply) return ctx.redirect(reply.redirect);
      const { status = 200, headers = [], body } = reply;
      for (const [name, value] of headers) ctx.append(name, value);
      ctx.body = body === undefined || typeof body === "string" ? (body ?? null) : Readable.from(encode(body));
      ctx.status = status;
    });
    const listener: NodeListener = app.callback();
    return listen(createServer(listener));
  },
};

export function webCall(session: () => ReturnType<KitCall["session"]>, property: unknown, request: Request): KitCall {
  const { promise, resolve } = Promise.withResolvers<void>();
  request.signal.addEventListener("abort", () => resolve());
  return { session, property, gone: promise };
}

export const fetchTarget: AdapterTarget = {
  name: "fetch",
  has: ["error status"],
  mount(routes, sessions, mounted) {
    const answer = async (request: Request, session: unknown): Promise<Response> => {
      const route = routeOf(routes, new URL(request.url).pathname);
      return webResponse(await route.answer(webCall(() => sessions.of(request), session, request)), request);
    };
    let handler = (request: Request): Promise<Response> => answer(request, undefined);
    for (let time = 0; time < TIMES[mounted]; time++) {
      const inner = time === 0 ? answer : handler;
      handler = fetchSession(sessions, inner);
    }
    const guarded = async (request: Request): Promise<Response> => {
      try {
        return await handler(request);
      } catch {
        return new Response("Internal Server Error", { status: 500 });
      }
    };
    // With its own `Response` in place, the headers of a redirect could be changed.
    return listen(createAdaptorServer({ fetch: guarded, overrideGlobalObjects: false }) as Server);
  },
};

export const honoTarget: AdapterTarget = {
  name: "hono",
  has: [],
  mount(routes, sessions, mounted) {
    const app = new Hono();
    // Hono writes what no handler took to the console.
    const { errorHandler } = app as unknown as { errorHandler: Parameters<typeof app.onError>[0] };
    app.onError((error, c) => ("getResponse" in error ? errorHandler(error, c) : c.text("Internal Server Error", 500)));
    for (let time = 0; time < TIMES[mounted]; time++) app.use(honoSession(sessions));
    for (const route of routes) {
      app.all(route.path, async (c) => {
        const call = webCall(() => sessions.of(c), Reflect.apply(c.get, c, ["session"]), c.req.raw);
        const reply = await route.answer(call);
        if (reply === "answered") throw new Error("Hono has no Node response");
        if ("redirect" in reply) return c.redirect(reply.redirect);
        return webResponse(reply, c.req.raw);
      });
    }
    return listen(createAdaptorServer({ fetch: app.fetch }) as Server);
  },
};
