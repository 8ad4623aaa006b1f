import cluster, { type Worker } from "node:cluster";

/** What the first process is told of the others. */
export interface WorkersOptions {
  readonly count: number;
  /** All of them listen, on the same port. */
  readonly onReady: (port: number) => void;
  /** One of them could not begin, with what it said. */
  readonly onRefused: (message: string) => void;
  /** All of them have ended, because they were told to. */
  readonly onStopped: () => void;
}

/** Starts processes that share one port. One that dies is replaced. Gives a function that ends them all. */
export function startWorkers({ count, onReady, onRefused, onStopped }: WorkersOptions): () => void {
  const listening = new Set<Worker>();
  let isReady = false;
  let isStopping = false;
  let refused = false;

  cluster.on("listening", (worker, { port }) => {
    listening.add(worker);
    if (isReady || listening.size < count) return;
    isReady = true;
    onReady(port);
  });
  cluster.on("message", (_worker, message: unknown) => {
    if (refused) return;
    refused = true;
    onRefused(String(message));
  });
  cluster.on("exit", (worker, code, signal) => {
    const hadBegun = listening.delete(worker);
    if (!isStopping && hadBegun) {
      console.error(`Worker ${worker.id} ended with ${signal ?? code}; another takes its place.`);
      cluster.fork();
      return;
    }
    // One that was still starting ends without more ado.
    if (code !== 0 && !(isStopping && signal === "SIGTERM")) process.exitCode = 1;
    stop();
    if (Object.keys(cluster.workers ?? {}).length === 0 && !refused) onStopped();
  });
  for (let each = 0; each < count; each += 1) cluster.fork();

  function stop(): void {
    if (isStopping) return;
    isStopping = true;
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGTERM");
  }
  return stop;
}
