import type { RedisClientLike } from "./client.ts";

/** A client that the store made itself, connecting. */
export interface OpenedClient {
  readonly client: RedisClientLike;
  /**
   * Resolves with the first connection, or once it is known that there is none yet and the client goes on trying by itself; rejects when
   * it has given up, and was ended.
   */
  readonly connected: Promise<void>;
  /** False while there is no connection: then nothing is to be sent. */
  isReady(): boolean;
  /** Gives a new client of the same server that can listen, where a duplicate of this one cannot. */
  listener?(): object;
  /** Ends it, connected or not. */
  end(): void;
}

/** As much of a client as is needed to connect it. */
export interface Connectable {
  connect(): Promise<unknown>;
  on?(event: string, listener: (error: unknown) => void): unknown;
}

/** How long a client that the store opens may take for its first connection, in milliseconds. */
export const CONNECT_MS = 5000;

/** Waits for the first connection of a client that goes on trying by itself, or for the first time that there was none. */
export async function connectedOnce(client: Connectable): Promise<void> {
  const failed = new Promise<void>((resolve) => client.on?.("error", () => resolve()));
  await Promise.race([client.connect().catch(() => undefined), failed]);
}

/**
 * Connects a client, or ends it: when it has given up, when it tells of one of `failures`, or when it takes too long. Some clients wait for
 * ever for a node that is down.
 *
 * @throws {Error} of the client, or that it took too long
 */
export async function connectOrEnd(client: Connectable, end: () => void, ...failures: readonly string[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`No connection within ${CONNECT_MS} ms`)), CONNECT_MS);
    for (const event of failures) client.on?.(event, reject);
  });
  try {
    await Promise.race([client.connect(), failed]);
  } catch (error) {
    end();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
