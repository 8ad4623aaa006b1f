import { isSessionError } from "../../core/errors.ts";
import { handleOf, isSessionId } from "../../core/id.ts";
import type { Application, Failure, Trail, Visit } from "./driver.ts";
import type { Event, Ledger, State, Write } from "./ledger.ts";
import type { Sightings } from "./scheduled-store.ts";

/** What one request does, or one job of the application. */
export type Deed =
  | "read"
  | "put"
  | "count"
  | "update"
  | "exclusive"
  | "cycle"
  | "login"
  | "other login"
  | "logout"
  | "revoke"
  | "revoke user"
  | "revoke others"
  | "sweep"
  | "wait";

/** A browser: the id that its cookie has. */
export interface Jar {
  id: string | null;
}

/** Where a deed is done. */
export interface Scene {
  readonly application: Application;
  readonly jar: Jar;
  readonly ledger: Ledger;
  readonly sightings: Sightings;
  /** Lets time pass. */
  readonly pass: (milliseconds: number) => void;
}

export const USER = "ann";
export const OTHER_USER = "bob";

const WAIT_MS = 2 * 86_400_000;

/** What an application knows after an error. */
function failureOf(error: unknown): Failure {
  if (!isSessionError(error)) return "unknown";
  if (error.code === "ERR_SESSION_OUTCOME_UNKNOWN") return "unknown";
  return error.code === "ERR_SESSION_STORE" && error.applied !== "no" ? "unknown" : "refused";
}

/** Does what a visitor or an administrator does; errors are noted in the ledger and end the request. */
export async function play(scene: Scene, deeds: readonly Deed[]): Promise<void> {
  const { ledger, application, jar } = scene;
  const [first = "read"] = deeds;
  if (first === "wait") return scene.pass(WAIT_MS);
  try {
    if (first === "sweep") return await application.sweep();
    if (first === "revoke") return await revoke(scene);
    if (first === "revoke user") return await revokeUser(scene, null);
    if (first === "revoke others") return await revokeUser(scene, jar.id);
  } catch (error) {
    return noteStray(ledger, error);
  }
  await new Request(scene).run(deeds);
}

async function revoke({ application, jar, ledger }: Scene): Promise<void> {
  const { id } = jar;
  if (id === null) return;
  await settle(ledger.begin({ what: "end", lineage: ledger.ids.get(id), id }), ledger, () => application.revoke(id));
}

async function revokeUser({ application, ledger }: Scene, except: string | null): Promise<void> {
  const lineage = except === null ? undefined : ledger.ids.get(except);
  const event = ledger.begin({ what: "revoke user", lineage, userId: USER });
  await settle(event, ledger, () => application.revokeUser(USER, except));
}

async function settle(event: Event, ledger: Ledger, task: () => Promise<void>): Promise<void> {
  try {
    await task();
    ledger.acknowledge(event);
  } catch (error) {
    event.state = failureOf(error);
    throw error;
  }
}

function noteStray(ledger: Ledger, error: unknown): void {
  if (!isSessionError(error)) ledger.violation(`An error reached the application that is no SessionError: ${String(error)}`);
}

/** One request, and what it was told about its writes. */
class Request {
  readonly #scene: Scene;
  readonly #visit: Visit;
  readonly #id: string | null;
  /** Which session the request is about, as far as it knows. */
  #lineage: string | undefined;
  /** What the response will decide. */
  readonly #pending: (Write | Event)[] = [];

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#id = scene.jar.id;
    this.#visit = scene.application.visit(this.#id);
    this.#lineage = this.#id === null ? undefined : scene.ledger.ids.get(this.#id);
  }

  async run(deeds: readonly Deed[]): Promise<void> {
    const { ledger } = this.#scene;
    try {
      for (const deed of deeds) await this.#do(deed);
    } catch (error) {
      // The handler lets the error through: what it had changed goes no further.
      noteStray(ledger, error);
      return this.#decide(failureOf(error));
    }
    await this.#respond();
  }

  async #do(deed: Deed): Promise<void> {
    switch (deed) {
      case "read":
        await this.#visit.load();
        return;
      case "put":
      case "count":
        return this.#put(deed);
      case "update":
      case "exclusive":
        return this.#update(deed);
      case "cycle":
        return this.#cycle();
      case "login":
        return this.#login(USER);
      case "other login":
        return this.#login(OTHER_USER);
      case "logout":
        return this.#logout();
      default:
        throw new TypeError(`A request cannot ${deed}.`);
    }
  }

  async #put(kind: "put" | "count"): Promise<void> {
    const { ledger } = this.#scene;
    const data = await this.#visit.load();
    const lineage = this.#lineageOf(data);
    const mark = ledger.fresh("w");
    this.#pending.push(ledger.write(kind === "put" ? "mark" : "count", mark, lineage));
    if (kind === "put") data[`mark ${mark}`] = true;
    else data.count = (data.count ?? 0) + 1;
  }

  /** An update is decided when it resolves, and whatever was pending with it. */
  async #update(kind: "update" | "exclusive"): Promise<void> {
    const { ledger } = this.#scene;
    const mark = ledger.fresh("u");
    let write: Write | undefined;
    const change = (data: Trail): void => {
      write ??= ledger.write(kind === "update" ? "log" : "mark", mark, this.#lineageOf(data));
      data.lineage ??= write.lineage;
      // A retry may meet another session's data only if it is another session.
      if (data.lineage !== write.lineage) ledger.violation(`The update ${mark} was applied to another session.`);
      if (kind === "update") data.log = [...(data.log ?? []), mark];
      else data[`mark ${mark}`] = true;
    };
    try {
      await this.#visit[kind](change);
    } catch (error) {
      if (write !== undefined) write.state = failureOf(error);
      throw error;
    }
    if (write === undefined) return ledger.violation(`The update ${mark} resolved and was never applied.`);
    write.state = "stored";
    this.#decide("stored");
  }

  async #cycle(): Promise<void> {
    const { lineage } = await this.#visit.load();
    await this.#visit.cycle();
    if (lineage !== undefined) this.#pending.push(this.#scene.ledger.begin({ what: "cycle", lineage }));
  }

  async #login(userId: string): Promise<void> {
    const { ledger } = this.#scene;
    const before = (await this.#visit.load()).lineage;
    // Over another user's session it ends that first.
    const end = ledger.begin({ what: "end", lineage: before, id: this.#id ?? undefined });
    await this.#visit.login(userId);
    const lineage = this.#lineageOf(await this.#visit.load());
    if (lineage === before || before === undefined) {
      end.state = "refused";
    } else {
      ledger.acknowledge(end);
      this.#decide("refused");
    }
    this.#pending.push(ledger.begin({ what: "login", lineage, userId }));
  }

  async #logout(): Promise<void> {
    const { ledger } = this.#scene;
    const id = this.#id;
    const event = ledger.begin({ what: "end", lineage: id === null ? undefined : ledger.ids.get(id), id: id ?? undefined });
    await settle(event, ledger, () => this.#visit.logout());
    this.#decide("refused");
  }

  async #respond(): Promise<void> {
    const { ledger, jar, sightings } = this.#scene;
    let id: string | null | undefined;
    try {
      id = await this.#visit.respond();
    } catch (error) {
      noteStray(ledger, error);
      return this.#decide(failureOf(error));
    }
    this.#decide("stored");
    if (id === undefined) return;
    jar.id = id;
    if (id === null) return;
    if (!isSessionId(id) || !sightings.wasStored(handleOf(id)))
      ledger.violation("A cookie was set for a session that is not stored.");
    if (this.#lineage !== undefined) ledger.ids.set(id, this.#lineage);
  }

  /** Which session this is; a session without a name is new and gets one. */
  #lineageOf(data: Trail): string {
    data.lineage ??= this.#scene.ledger.fresh("session ");
    this.#lineage = data.lineage;
    return data.lineage;
  }

  #decide(state: State): void {
    const { ledger } = this.#scene;
    for (const each of this.#pending.splice(0)) {
      if ("what" in each && state === "stored") ledger.acknowledge(each);
      else each.state = state;
      if (state === "stored" && each.lineage !== undefined) ledger.lineages.add(each.lineage);
    }
  }
}
