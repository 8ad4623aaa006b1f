/**
 * An engine that keeps texts under keys and can do nothing else with them: no condition, no transaction, no counter. A call that fails
 * rejects; calls may answer in any order.
 */
export interface KeyedEngine {
  /** The text under `key`; null or undefined when there is none; anything else is something that cannot be read. */
  get(key: string): Promise<unknown>;
  /**
   * Puts `text` under `key`, whatever was there.
   *
   * @param keepUntil from when on the engine may remove it by itself, in milliseconds since 1970-01-01T00:00:00Z
   */
  set(key: string, text: string, keepUntil: number): Promise<void>;
  /** Removes what is under `key`, if anything is. */
  remove(key: string): Promise<void>;
  /** Every key that begins as the store's do, and maybe others. */
  readonly keys?: () => Promise<readonly string[]>;
}
