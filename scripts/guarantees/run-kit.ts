import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { StoreFamily } from "../../test/stores/families/family.ts";
import { programOf } from "../../test/servers/programs.ts";
import type { KitResult, PartMessage, PartOrder } from "./run-part.ts";

/** Parts that run at once. More than the cores of a small machine, as a target waits for its server more than it computes. */
const AT_ONCE = 3;
const END_MS = 20_000;
const PROGRAM = join(import.meta.dirname, "run-part.ts");

/** The servers of a family that are not installed. */
export function missingServers({ parts }: StoreFamily): readonly string[] {
  return [...new Set(parts.flatMap(({ needs }) => needs))].filter((name) => programOf(name) === undefined);
}

/**
 * Runs the kit on every target of these families, the servers of which must be there.
 *
 * @param say is told of each part that is done
 */
export async function runKit(
  families: readonly StoreFamily[],
  rules: readonly string[],
  say: (line: string) => void,
): Promise<readonly KitResult[]> {
  const waiting = families.flatMap((family) => family.parts.map((part) => ({ family, part })));
  const results: KitResult[] = [];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { family, part } = next;
      const started = performance.now();
      const made = await inProcess({ store: family.name, part: part.name, rules }, say);
      results.push(...made);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const failed = made.filter(({ outcome }) => outcome === "failed").length;
      const servers = part.needs.length === 0 ? "" : ` (${part.needs.join(", ")} started)`;
      say(`${family.name}, ${part.name}${servers}: ${made.length} outcomes, ${failed} broken, ${seconds} s`);
      if (made.length !== part.targets.length * rules.length)
        throw new Error(`${family.name}, ${part.name} was not run whole`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

async function inProcess(order: PartOrder, say: (line: string) => void): Promise<readonly KitResult[]> {
  const results: KitResult[] = [];
  const child = fork(PROGRAM, [JSON.stringify(order)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  child.on("message", (message: PartMessage) => {
    if ("say" in message) say(message.say);
    else results.push(message.result);
  });
  let limit: NodeJS.Timeout | undefined;
  // It is done, or failed: what a store left open does not hold it for ever.
  child.once("disconnect", () => (limit = setTimeout(() => child.kill(), END_MS)));
  const [code] = (await once(child, "exit")) as [number | null];
  clearTimeout(limit);
  if (code !== 0) throw new Error(`The kit did not run to its end on ${order.store}, ${order.part}`);
  return results;
}
