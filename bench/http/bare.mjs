import { serve } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { H3 } from "h3";
import { toNodeHandler } from "h3/node";
import { Hono } from "hono";
import Koa from "koa";
import { createServer } from "node:http";

/** The frameworks without any session: what each answers to everything. */
export const bare = {
  http: () => createServer((_req, res) => res.end("ok")),
  express: () => express().use((_req, res) => res.end("ok")),
  fastify: () => fastify().get("/*", (_request, reply) => reply.send("ok")),
  koa: () => new Koa().use((ctx) => (ctx.body = "ok")),
  h3: () => new H3().get("/**", () => "ok"),
  hono: () => new Hono().get("/*", (c) => c.text("ok")),
};

/** Listens on a free port of the loopback, whatever the framework. */
export async function listen(app) {
  if (app instanceof Hono)
    return new Promise((resolve) =>
      serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, (info) => resolve(info.port)),
    );
  if (app instanceof H3) return listen(createServer(toNodeHandler(app)));
  if (typeof app.addHook === "function") {
    await app.listen({ port: 0, host: "127.0.0.1" });
    return app.server.address().port;
  }
  return new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => resolve(server.address().port));
  });
}
