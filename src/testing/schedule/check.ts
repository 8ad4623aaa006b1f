import type { Clock } from "../../core/clock.ts";
import { handleOf, isLockHandle, type SessionId } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { SessionStore } from "../../core/store.ts";
import type { Trail } from "./driver.ts";
import { type Event, type Ledger, ROOT, type Write } from "./ledger.ts";
import type { Reader } from "./level.ts";
import { USER } from "./play.ts";
import type { Sightings } from "./scheduled-store.ts";

/** What is left of a session. */
interface Remains {
  readonly record: SessionRecord;
  readonly trail: Trail;
  readonly userId: string | null;
  /** True when a client was given its id. */
  readonly held: boolean;
}

/** The end of a schedule. */
export interface End {
  readonly store: SessionStore;
  readonly reader: Reader;
  readonly ledger: Ledger;
  readonly sightings: Sightings;
  readonly clock: Clock;
  /** True when something went wrong on purpose. */
  readonly disturbed: boolean;
  /** True when so much time passed that what was ended may be forgotten. */
  readonly forgetful: boolean;
  /** When the first session began. */
  readonly began: number;
  readonly absoluteSeconds: number;
}

/** Compares what is stored with what the clients were told; gives what does not fit. */
export async function violationsOf(end: End): Promise<string[]> {
  const { ledger } = end;
  const remains = await remainsOf(end);
  const violations = [...ledger.violations, ...(await indexViolations(end, remains))];
  const lineages = new Set([...ledger.lineages, ...remains.flatMap(({ trail }) => trail.lineage ?? [])]);
  // Without a rotation in one step, what went wrong may leave a copy whose id nobody holds: no promise is made about that.
  const copies = end.store.rotate === undefined && end.disturbed;
  const counted = copies ? remains.filter(({ held }) => held) : remains;
  violations.push(...endedViolations(end, counted), ...(await revivals(end, counted)));
  for (const lineage of lineages) {
    const found = remains.filter(({ trail }) => trail.lineage === lineage);
    const counting = counted.filter(({ trail }) => trail.lineage === lineage);
    violations.push(...lifeViolations(end, lineage, found), ...writeViolations(ledger, lineage, counting));
    violations.push(...loginViolations(ledger, lineage, counting));
    if (counting.length > 1) violations.push(`${lineage} is open under ${counting.length} ids.`);
  }
  for (const { record } of remains) {
    if (record.expiresAt > record.createdAt + end.absoluteSeconds * 1000)
      violations.push("A session outlives its absolute lifetime.");
  }
  return violations;
}

async function remainsOf({ store, reader, ledger, sightings }: End): Promise<Remains[]> {
  const held = new Set([...ledger.ids.keys()].map((id) => handleOf(id as SessionId)));
  const remains: Remains[] = [];
  for (const handle of sightings.handles()) {
    if (isLockHandle(handle)) continue;
    const outcome = await store.load(handle);
    const found = await reader.find(handle);
    if (found === null || outcome.status !== "live") continue;
    remains.push({ record: outcome.record, trail: found.data, userId: found.userId, held: held.has(handle) });
  }
  return remains;
}

async function indexViolations({ store }: End, remains: readonly Remains[]): Promise<string[]> {
  const { users } = store;
  if (users === undefined) return [];
  const violations: string[] = [];
  for (const { record } of remains) {
    if (record.userId === null) continue;
    const listed = await users.sessionsOf(record.userId);
    if (!listed.some(({ handle }) => handle === record.handle))
      violations.push("A live session is missing from its user's list.");
  }
  return violations;
}

function endedViolations({ ledger, forgetful }: End, remains: readonly Remains[]): string[] {
  const open = new Set(remains.map(({ record }) => record.handle));
  const lineages = new Set(remains.map(({ trail }) => trail.lineage));
  return ledger.events.flatMap(({ what, id, lineage, acknowledged }) => {
    if (what !== "end" || acknowledged === undefined) return [];
    if (id !== undefined && open.has(handleOf(id as SessionId)))
      return ["An id opens a session although its end was acknowledged."];
    const under = !forgetful && lineage !== undefined && lineages.has(lineage);
    return under ? [`The end of ${lineage} was acknowledged, and it is open under another id.`] : [];
  });
}

/** A session of which one id was ended, and not merely given up, must not be open under another. */
async function revivals({ store, ledger }: End, remains: readonly Remains[]): Promise<string[]> {
  const open = new Set(remains.map(({ trail }) => trail.lineage));
  const violations: string[] = [];
  for (const [id, lineage] of ledger.ids) {
    const outcome = await store.load(handleOf(id as SessionId));
    const ended = outcome.status === "retired" && outcome.tombstone.reason === "ended";
    if (ended && open.has(lineage)) violations.push(`${lineage} was ended, and is open under another id.`);
  }
  return violations;
}

function lifeViolations({ ledger, began }: End, lineage: string, found: readonly Remains[]): string[] {
  const violations: string[] = [];
  const mayBeOver = ledger.events.some((event) => event.state !== "refused" && mayEnd(event, lineage, ledger));
  if (found.length === 0 && !mayBeOver && ledger.lineages.has(lineage)) {
    violations.push(`${lineage} is gone, and nobody ended it.`);
  }
  // A login begins a session's life anew; nothing else may.
  const moved = found.some(({ record }) => record.createdAt !== began && record.userId === null);
  if (lineage.startsWith(ROOT) && moved) {
    violations.push(`${lineage} has lost the moment when it began.`);
  }
  return violations;
}

function mayEnd(event: Event, lineage: string, { events }: Ledger): boolean {
  const { what, lineage: of, acknowledged: done } = event;
  if (what === "end") return of === lineage || of === undefined;
  if (what !== "revoke user") return false;
  if (of === lineage && done !== undefined) {
    // The id that was to be kept may have been given up by then, even by a request that was refused in the end. And of two
    // revocations at once each advances the epoch beyond what the other gave to the session that is kept.
    return events.some((each) => (each.lineage === lineage && turns(each)) || (each !== event && overlap(each, event)));
  }
  // Also a login that was told that the session is gone: it may have been bound and ended in between.
  return events.some((each) => each.what === "login" && each.lineage === lineage);
}

function overlap(one: Event, other: Event): boolean {
  const ends = ({ acknowledged = Infinity }: Event): number => acknowledged;
  return one.what === other.what && one.began < ends(other) && other.began < ends(one);
}

/** True for what gives a session a new id. */
function turns({ what, initial }: Event): boolean {
  return what === "cycle" || (what === "login" && initial !== true);
}

function writeViolations({ writes }: Ledger, lineage: string, found: readonly Remains[]): string[] {
  const own = writes.filter((write) => write.lineage === lineage);
  const violations: string[] = [];
  for (const { trail } of found) {
    const missing = own.filter((write) => write.kind !== "count" && write.state === "stored" && !holds(trail, write));
    violations.push(...missing.map(({ mark }) => `${lineage} has lost the write ${mark}, which was acknowledged.`));
    const counts = own.filter(({ kind }) => kind === "count");
    const least = counts.filter(({ state }) => state === "stored").length;
    const most = counts.filter(({ state }) => state !== "refused").length;
    const count = trail.count ?? 0;
    if (count < least) violations.push(`${lineage} counts ${count} of ${least} increments that were acknowledged.`);
    if (count > most) violations.push(`${lineage} counts ${count}, and only ${most} increments can have been stored.`);
    const back = own.filter((write) => write.kind !== "count" && write.state === "refused" && holds(trail, write));
    violations.push(
      ...back.map(({ mark }) => `${lineage} has the write ${mark}, of which its writer was told that it was not stored.`),
    );
    const log = trail.log ?? [];
    if (new Set(log).size !== log.length) violations.push(`${lineage} has an update twice.`);
  }
  return violations;
}

function holds(trail: Trail, { kind, mark }: Write): boolean {
  return kind === "log" ? (trail.log ?? []).includes(mark) : trail[`mark ${mark}`] === true;
}

function loginViolations({ events }: Ledger, lineage: string, found: readonly Remains[]): string[] {
  const violations: string[] = [];
  const logins = events.filter(
    (each) => each.what === "login" && each.lineage === lineage && each.acknowledged !== undefined,
  );
  for (const login of logins) {
    if (found.some(({ userId }) => userId !== login.userId))
      violations.push(`${lineage} has lost a login that was acknowledged.`);
  }
  const revoked = events.filter(({ what, acknowledged }) => what === "revoke user" && acknowledged !== undefined);
  for (const { began, lineage: kept } of revoked) {
    const before = logins.some(({ userId, acknowledged = 0 }) => userId === USER && acknowledged < began);
    // Whoever logs in while the user is being revoked may come after it.
    const again = events.some(
      (each) => each.what === "login" && each.lineage === lineage && (each.acknowledged ?? Infinity) > began,
    );
    if (before && !again && kept !== lineage && found.length > 0)
      violations.push(`${lineage} is open although its user was revoked.`);
  }
  return violations;
}
