// Compiled against the installed package's declarations, with every library checked: what an application writes on its first day.
import { createSessions, isSessionError, type Session, type SessionStore, sum } from "sojourn";
import { richCodec } from "sojourn/codec/rich";
import { expressSession } from "sojourn/express";
import { fastifySession } from "sojourn/fastify";
import { fetchSession } from "sojourn/fetch";
import { honoSession } from "sojourn/hono";
import { koaSession } from "sojourn/koa";
import { createApp } from "sojourn/middleware";
import { nodeSession } from "sojourn/node";
import { cookieStore } from "sojourn/stores/cookie";
import { fileStore } from "sojourn/stores/file";
import { memoryStore } from "sojourn/stores/memory";
import { sqliteStore } from "sojourn/stores/sqlite";
import { fakeClock } from "sojourn/testing";

interface Visit {
  count?: number;
  cart?: string[];
}

const stores: SessionStore[] = [memoryStore(), sqliteStore("sessions.db"), fileStore("sessions")];
export const sessions = createSessions<Visit>({ store: stores[0], merge: { count: sum }, codec: richCodec() });
export const stateless = createSessions<Visit>({ store: cookieStore({ keys: ["k".repeat(43)] }), clock: fakeClock() });

export const handler = fetchSession(sessions, async (_request, session: Session<Visit>) => {
  const count: number = await session.update((visit) => (visit.count = (visit.count ?? 0) + 1));
  const cart: string[] | undefined = (await session.load()).cart;
  return Response.json({ count, cart });
});

// @ts-expect-error there is no such key
export const wrong = (session: Session<Visit>) => session.get("basket");

export const adapters = [expressSession, fastifySession, honoSession, koaSession, createApp, nodeSession];
export const isGone = (error: unknown): boolean => isSessionError(error, "ERR_SESSION_GONE");
