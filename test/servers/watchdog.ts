/** Says what is waited for next; it is part of the error when that never comes. */
export type Doing = (what: string) => void;

/**
 * Runs a test's work, for at most `seconds`.
 *
 * @throws {Error} with what it was waiting for, when it takes longer
 */
export async function within<T>(seconds: number, work: (doing: Doing) => Promise<T>): Promise<T> {
  let what = "it to begin";
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`After ${seconds} seconds it was still waiting for ${what}; open: ${openThings()}`));
    }, seconds * 1000);
  });
  try {
    return await Promise.race([work((next) => (what = next)), late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Ends this process with an error when it is still running after `seconds`: the tests of a file may all be over, and a client that nobody
 * ended keeps it alive.
 */
export function endAfter(seconds: number): void {
  setTimeout(() => {
    console.error(`This file's process was still running after ${seconds} seconds; open: ${openThings()}`);
    process.exit(1);
  }, seconds * 1000).unref();
}

/** What keeps the process alive, and how many of each. */
function openThings(): string {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(", ");
}
