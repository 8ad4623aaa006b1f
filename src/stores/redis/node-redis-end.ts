/** As much of a client of node-redis as connects and ends. */
export interface EndableClient {
  connect(): Promise<unknown>;
  destroy(): unknown;
  on(event: string, listener: () => void): unknown;
}

/** Connects a client, and ends it. */
export interface Ending {
  connect(): Promise<unknown>;
  /** Ends the client, connected or not; what comes of it is nobody's. */
  end(): void;
}

/**
 * Ends a client of node-redis for certain. While a socket is being opened the client does not know it yet: destroyed then, it leaves the
 * socket open, and the process with it. So it is destroyed as soon as it knows.
 */
export function endingOf(client: EndableClient): Ending {
  let isOpening = false;
  let isOver = false;
  const opened = (): void => {
    isOpening = false;
    if (isOver) destroy(client);
  };
  client.on("reconnecting", () => void (isOpening = true));
  client.on("connect", opened);
  client.on("error", opened);
  return {
    connect() {
      isOpening = true;
      return client.connect();
    },
    end() {
      isOver = true;
      if (!isOpening) destroy(client);
    },
  };
}

function destroy(client: EndableClient): void {
  try {
    client.destroy();
  } catch {
    // It was never open.
  }
}
