import type { IncomingMessage, ServerResponse } from "node:http";
import type { SessionsOptions } from "../core/options.ts";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import type { Awaitable, SessionStore } from "../core/store.ts";
import type { Visitor } from "./adapter-client.ts";
import type { WatchedStore } from "./adapter-store.ts";

/** What the kit's sessions hold. */
export interface KitData {
  count?: number;
  name?: string;
  [mark: `mark ${number}`]: number;
}

/**
 * What a rule asks of an adapter beyond the answering of requests.
 *
 * `node`: handlers get Node's own request and response, and may answer on them. `finish`: the adapter learns when a response has
 * finished. `error status`: the framework answers an error that a handler throws with the error's own `status`.
 */
export type AdapterNeed = "node" | "finish" | "error status";

/** A framework with its adapter, for the kit to be run on. */
export interface AdapterTarget {
  /** Shown with the results. */
  readonly name: string;
  /** What it has of {@link AdapterNeed}; a rule that needs more is skipped. */
  readonly has: readonly AdapterNeed[];
  /**
   * Starts a server on a free port of 127.0.0.1. It answers each of `routes` at its path, for every method, with the adapter mounted as
   * `mounted` says around all of them: once, twice (as when an app and a part of it both do), or not at all. What a handler throws
   * is left to the framework, whose answer is a 500 or the error's own status.
   */
  mount(routes: readonly KitRoute[], sessions: Sessions<KitData>, mounted: KitMounting): Awaitable<MountedServer>;
}

/** How often the adapter is mounted. */
export type KitMounting = "once" | "twice" | "never";

/** A server that a target started. */
export interface MountedServer {
  readonly port: number;
  /** Ends the server, and every connection to it. */
  close(): Awaitable<void>;
}

/** A path and what it answers. */
export interface KitRoute {
  /** Begins with `/`; has no parameters. */
  readonly path: string;
  readonly answer: (call: KitCall) => Awaitable<KitReply>;
}

/** A request as a route's handler sees it: the target makes it of whatever its framework hands to handlers. */
export interface KitCall {
  /** `sessions.of(…)` with what the framework hands to handlers. */
  session(): Session<KitData>;
  /** What stands at the adapter's default property, without a call of `sessions.of`. */
  readonly property: unknown;
  /** Resolves when the client has gone away before it got its response. */
  readonly gone: Promise<void>;
  /** Node's request and response, on a target that has `node`. */
  readonly node?: { readonly req: IncomingMessage; readonly res: ServerResponse };
}

/**
 * What a handler answers, for the target to answer in its framework's own way: `redirect` with the framework's own redirect (302),
 * a body of pieces as a stream. `answered` says that the handler answered on Node's response by itself: the framework is to leave
 * it alone.
 */
export type KitReply =
  | "answered"
  | { readonly redirect: string }
  | {
      /** Default 200. */
      readonly status?: number;
      /** In this order; a name may come twice. */
      readonly headers?: readonly (readonly [name: string, value: string])[];
      /** Text, or pieces of text to be streamed as they come. Default none. */
      readonly body?: string | AsyncIterable<string>;
    };

/** How a rule wants its server. */
export interface KitSetup {
  /** Options of the sessions; the store is the rule's own. */
  readonly options?: Omit<SessionsOptions<KitData>, "store">;
  /** Default `once`. */
  readonly mounted?: KitMounting;
}

/** A running server, seen from outside. */
export interface KitServer {
  readonly port: number;
  readonly sessions: Sessions<KitData>;
  /** A new visitor, with these cookies (`name=value`, several joined by `; `) or none. */
  visitor(cookies?: string): Visitor;
}

/** What a rule works with. */
export interface AdapterRuleContext {
  /** The store that the server's sessions are kept in, empty, which tells of its calls and lets them be held and broken. */
  readonly store: WatchedStore;
  /** Starts a server; the kit closes it. */
  start(routes: readonly KitRoute[], setup?: KitSetup): Promise<KitServer>;
}

/** A promise that every adapter keeps. */
export interface AdapterRule {
  /** The promise, as a sentence. Unique in the kit. */
  readonly name: string;
  /** Without one of these the rule is skipped, with the reason. */
  readonly needs?: readonly AdapterNeed[];
  /** @throws when the promise is broken */
  run(context: AdapterRuleContext): Promise<void>;
}

/** Gives an empty store for a rule. */
export type StoreMaker = () => Awaitable<SessionStore>;
