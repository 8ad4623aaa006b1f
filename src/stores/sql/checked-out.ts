/** A connection of a pool, for one statement. */
export interface CheckedOut<R> {
  /** Sends the statement. */
  run(): Promise<R>;
  /** Hands the connection back, with what its statement rejected with, if it did. */
  release(error?: unknown): void;
  /** Closes the connection, so that it takes no place in the pool; the statement rejects. */
  destroy(): void;
  /** Ends the statement on the server, over another connection of the pool. */
  endOnServer(): Promise<unknown>;
}

/**
 * Runs a statement on a connection of its own until it is done, or until nobody waits for it any more: then its connection is closed,
 * which makes room in the pool, and the server is told to end it. A connection that was given up is never used again, so that the end
 * of one statement cannot hit another.
 */
export async function runUntilAborted<R>(signal: AbortSignal, checkOut: () => Promise<CheckedOut<R>>): Promise<R> {
  refuseAborted(signal);
  const connection = await checkOut();
  if (signal.aborted) connection.release();
  refuseAborted(signal);
  let held = true;
  const giveUp = (): void => {
    if (!held) return;
    held = false;
    connection.destroy();
    // Where that fails, the statement ends when what it waits for does; nobody is there to be told.
    void connection.endOnServer().catch(() => undefined);
  };
  const settle = (error?: unknown): void => {
    signal.removeEventListener("abort", giveUp);
    if (!held) return;
    held = false;
    connection.release(error);
  };
  signal.addEventListener("abort", giveUp);
  try {
    const result = await connection.run();
    settle();
    return result;
  } catch (error) {
    settle(error);
    throw error;
  }
}

/** So long the server has for ending a statement, in milliseconds. */
const END_MS = 5000;

/**
 * Runs what ends a statement on the server, on a connection that is closed as well when no answer comes: over a network that is gone it
 * would be kept from the pool for as long as that takes to be noticed.
 */
export async function runBriefly<R>(checkOut: () => Promise<CheckedOut<R>>): Promise<R> {
  const limit = new AbortController();
  let timer: ({ unref?(): unknown } & NodeJS.Timeout) | undefined;
  try {
    return await runUntilAborted(limit.signal, async () => {
      const connection = await checkOut();
      timer = setTimeout(() => limit.abort(), END_MS);
      timer.unref?.();
      return { ...connection, endOnServer: () => Promise.resolve() };
    });
  } finally {
    clearTimeout(timer);
  }
}

function refuseAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new Error("Nobody waited for the statement any more before it was sent");
}
