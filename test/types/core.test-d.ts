import * as v from "valibot";
import * as z from "zod";
import {
  createSessions,
  type FoundSession,
  max,
  memoryStore,
  type Session,
  type Sessions,
  sum,
  union,
} from "../../src/index.ts";
import { createApp } from "../../src/middleware/index.ts";

type Equal<A, B> = [A, B] extends [B, A] ? true : false;

interface Visit {
  count?: number;
  cart?: string[];
  name?: string;
}

const store = memoryStore();

// One type argument types the data everywhere; an interface without index signature will do.
const sessions = createSessions<Visit>({ store, merge: { count: sum, cart: union, name: max } });
const session: Session<Visit> = sessions.of({});
export const same1: Equal<Awaited<ReturnType<typeof session.load>>, Visit> = true;
export const same2: Equal<typeof session.data, Visit> = true;
export const same3: Equal<Awaited<ReturnType<typeof sessions.find>>, FoundSession<Visit> | null> = true;
export const counted: Promise<number> = session.update((visit) => (visit.count = (visit.count ?? 0) + 1));
export const cart: string[] | undefined = session.get("cart");
session.set("count", 1);

// @ts-expect-error a key that the data does not have
session.set("missing", 1);
// @ts-expect-error a value of another type
session.set("count", "one");
// @ts-expect-error a merge for another type
createSessions<Visit>({ store, merge: { name: sum } });
// @ts-expect-error a merge of a key that the data does not have
createSessions<Visit>({ store, merge: { missing: sum } });
// @ts-expect-error a group with a key that the data does not have
createSessions<Visit>({ store, together: [["cart", "missing"]] });
// @ts-expect-error a login keeps keys of the data
void session.login("ada", { keep: ["missing"] });
// @ts-expect-error an option that there is not
createSessions({ store, idle: 5 });

// Without a type argument the data is a dictionary, and any merge goes.
const loose: Sessions = createSessions({ store, merge: { count: sum } });
export const value: unknown = loose.of({}).get("anything");

// A schema types the data by what it gives.
const byZod = createSessions({ store, schema: z.object({ count: z.number().default(0) }) });
export const same4: Equal<Awaited<ReturnType<ReturnType<typeof byZod.of>["load"]>>, { count: number }> = true;
const byValibot = createSessions({ store, schema: v.object({ name: v.optional(v.string()) }) });
export const named: string | undefined = byValibot.of({}).data.name;

createApp({ sessions, view: () => new Response("") });
