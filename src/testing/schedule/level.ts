import type { Clock } from "../../core/clock.ts";
import { handleOf, newSessionId, newVersion, type SessionHandle, type SessionId } from "../../core/id.ts";
import type { SessionStore } from "../../core/store.ts";
import type { Application, Trail } from "./driver.ts";
import { readTrail, referenceApplication } from "./reference-driver.ts";
import { scheduleSessions, sessionApplication, LIFETIME_SECONDS } from "./session-driver.ts";

/** What drives the store in a schedule, and how what it stored is read. */
export interface Level {
  readonly name: "sessions" | "verbs";
  readonly absoluteSeconds: number;
  application(store: SessionStore, clock: Clock): Application;
  reader(store: SessionStore, clock: Clock): Reader;
  /** Stores a session of a client, as it is at the beginning. */
  begin(store: SessionStore, clock: Clock, data: Trail, userId: string | null): Promise<Begun>;
}

/** What a request with a session would find. */
export interface Reader {
  find(handle: SessionHandle): Promise<{ readonly data: Trail; readonly userId: string | null } | null>;
}

/** A session that a client was given. */
export interface Begun {
  readonly id: SessionId;
  readonly handle: SessionHandle;
}

/** The real sessions. */
export const sessionLevel: Level = {
  name: "sessions",
  absoluteSeconds: 2 * LIFETIME_SECONDS,
  application: sessionApplication,
  reader: (store, clock) => scheduleSessions(store, clock),
  async begin(store, clock, data, userId) {
    const { id, handle } = await scheduleSessions(store, clock).create({ data, ...(userId !== null && { userId }) });
    if (id === null) throw new TypeError("A schedule needs a store that keeps its sessions.");
    return { id, handle };
  },
};

/** A reference client of the contract's verbs, for a store alone. */
export const verbLevel: Level = {
  name: "verbs",
  absoluteSeconds: 2 * LIFETIME_SECONDS,
  application: referenceApplication,
  reader: (store, clock) => ({
    async find(handle) {
      const outcome = await store.load(handle);
      if (outcome.status !== "live" || outcome.record.expiresAt <= clock.now()) return null;
      const { record, userEpoch = 0 } = outcome;
      return record.userId !== null && record.epoch < userEpoch ? null : { data: readTrail(record), userId: record.userId };
    },
  }),
  async begin(store, clock, data, userId) {
    const id = newSessionId();
    const handle = handleOf(id);
    const createdAt = clock.now();
    const expiresAt = createdAt + LIFETIME_SECONDS * 1000;
    await store.create({
      handle,
      data: JSON.stringify(data),
      version: newVersion(),
      createdAt,
      expiresAt,
      userId,
      epoch: 0,
    });
    return { id, handle };
  },
};
