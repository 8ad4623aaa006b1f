import { fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { isDjango, startDjango } from "./django.mjs";
import { generateKeyText } from "./key.mjs";

/** Server and load on a core each, where the system lets us choose. */
export const pinned = existsSync("/usr/bin/taskset") && cpus().length > 1;

/** All cores but the second, as a mask: for several servers, beside a load that has that one. */
export const OTHERS = ((1n << BigInt(cpus().length)) - 3n).toString(16);

/** Keeps a process to one core, or to several, given as a mask. */
export function pin(pid, mask) {
  if (pinned) spawnSync("taskset", ["-a", "-p", mask, String(pid)]);
}

/** Starts a server process for a configuration, or for a framework without sessions; on the first core, unless others are chosen. */
export async function startServer(name, urls, mask = "1") {
  const server = isDjango(name) ? await startDjango(name, urls) : await startNode(name, urls);
  for (const pid of server.pids) pin(pid, mask);
  return server;
}

async function startNode(name, urls) {
  const child = fork(new URL("serve.mjs", import.meta.url), [name, JSON.stringify(urls)], {
    env: { ...process.env, NODE_ENV: "production", SOJOURN_KEYS: generateKeyText() },
  });
  const died = once(child, "exit").then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`)));
  const [{ port }] = await Promise.race([once(child, "message"), died]);
  died.catch(() => undefined);
  return {
    url: `http://127.0.0.1:${port}`,
    pids: [child.pid],
    /** Its processor time so far, in microseconds. */
    async cpu() {
      child.send("cpu");
      const [answer] = await once(child, "message");
      return answer;
    },
    async stop() {
      child.disconnect();
      await once(child, "exit");
    },
  };
}

/** The cookies that a response sets, as a browser sends them back: of one name the last, and none that is empty. */
export function cookieOf(lines) {
  const pairs = lines.map((line) => line.slice(0, line.indexOf(";")));
  const named = new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair]));
  return [...named.entries()]
    .filter(([name, pair]) => pair !== `${name}=`)
    .map(([, pair]) => pair)
    .join("; ");
}
