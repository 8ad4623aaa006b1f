import { SessionError } from "../../core/errors.ts";
import type { StoreReach } from "../../core/store.ts";

/** What can be said about any store that is used through a bridge. */
export interface KeyedOptions {
  /** Whether sessions survive a restart of the process. Default: see the store. */
  readonly durable?: boolean;
  /** Where two processes meet in the store: in one process, on one machine, or over the network. Default: see the store. */
  readonly reach?: Exclude<StoreReach, "none">;
  /**
   * Whether each write is read back: finds what another process has written over, and a store that does not give back what it is given.
   * False for a store whose reads are behind its writes. Default true.
   */
  readonly readBack?: boolean;
  /**
   * How long it is remembered that a session was ended or has changed its id, in seconds; at least the `absoluteSeconds` of the
   * application. So long no late write of another process can bring it back. Default 2592000 (30 days).
   */
  readonly endedSeconds?: number;
  /**
   * How long the store keeps something past its time before it removes it by itself, in seconds; at least what the clocks of servers may
   * differ by. Default 3600.
   */
  readonly slackSeconds?: number;
  /** How long the store may take for what one call asks of it, in seconds. Default 30. */
  readonly answerSeconds?: number;
}

const COMMON_NAMES: readonly string[] = [
  "durable",
  "reach",
  "readBack",
  "endedSeconds",
  "slackSeconds",
  "answerSeconds",
] satisfies (keyof KeyedOptions)[];

/** Options with every default in place. */
export interface ResolvedKeyedOptions {
  readonly durable: boolean;
  readonly reach: Exclude<StoreReach, "none">;
  readonly readBack: boolean;
  readonly endedMs: number;
  readonly slackMs: number;
  readonly answerSeconds: number;
}

const REACHES: readonly unknown[] = ["process", "machine", "network"] satisfies StoreReach[];
const LONGEST_SECONDS = 2 ** 31 - 1;
const LONGEST_ANSWER_SECONDS = 3600;

/**
 * Checks what every bridge can be told.
 *
 * @param store the factory's name, for messages
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function resolveKeyedOptions(
  store: string,
  options: KeyedOptions,
  defaults: Pick<ResolvedKeyedOptions, "durable" | "reach">,
): ResolvedKeyedOptions {
  const { durable = defaults.durable, reach = defaults.reach, readBack = true } = options;
  const { endedSeconds = 2_592_000, slackSeconds = 3600, answerSeconds = 30 } = options;
  check(store, typeof durable === "boolean", "`durable` is true or false");
  check(store, REACHES.includes(reach), '`reach` is "process", "machine" or "network"');
  check(store, typeof readBack === "boolean", "`readBack` is true or false");
  const isWithin = (seconds: unknown, least: number, most: number): boolean =>
    typeof seconds === "number" && seconds >= least && seconds <= most;
  check(store, isWithin(endedSeconds, 60, LONGEST_SECONDS), "`endedSeconds` must be a number of seconds, 60 or more");
  check(store, isWithin(slackSeconds, 60, LONGEST_SECONDS), "`slackSeconds` must be a number of seconds, 60 or more");
  const isPatient = isWithin(answerSeconds, 0.001, LONGEST_ANSWER_SECONDS);
  check(store, isPatient, `\`answerSeconds\` must be a number of seconds, at most ${LONGEST_ANSWER_SECONDS}`);
  const [endedMs, slackMs] = [Math.ceil(endedSeconds * 1000), Math.ceil(slackSeconds * 1000)];
  return Object.freeze({ durable, reach, readBack, endedMs, slackMs, answerSeconds });
}

/**
 * Refuses what is no object, and names that mean nothing.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function checkNames(store: string, options: object, names: readonly string[]): void {
  check(store, typeof options === "object" && options !== null, "takes an object of options");
  for (const name of Object.keys(options)) {
    check(store, names.includes(name) || COMMON_NAMES.includes(name), `has no option \`${name}\``);
  }
}

/** @throws {SessionError} `ERR_SESSION_CONFIG`, unless it holds */
export function check(store: string, holds: boolean, problem: string): void {
  if (!holds) throw new SessionError("ERR_SESSION_CONFIG", `${store}: ${problem}`);
}
