// Another node: a near store in a process of its own, which does what its parent asks over the channel between them. When its store was
// closed and the channel is too, nothing keeps it.
import { once } from "node:events";
import type { NearStore } from "../../../src/stores/near.ts";
import type { Library } from "../redis/targets.ts";
import { cached } from "./support.ts";
import { openNearPostgres, openNearRedis, postgresClients, redisListener, type Driver } from "./targets.ts";

export interface WorkerArgs {
  readonly engine: "redis" | "postgres";
  readonly client: Library | Driver;
  readonly port: number;
  readonly feedPort: number;
  readonly place: string;
  readonly staleSeconds: number;
}

/** What the parent may ask: a verb and its arguments. */
export type Asked = readonly ["load" | "create" | "retire" | "cached" | "advanceEpoch" | "close", ...args: unknown[]];

const args = JSON.parse(process.argv[2] ?? "{}") as WorkerArgs;
const urlOf = (port: number): string => `postgres://postgres@127.0.0.1:${port}/postgres`;

async function open(): Promise<NearStore> {
  const { engine, client, port, feedPort, place, staleSeconds } = args;
  if (engine === "postgres") {
    const { listener } = postgresClients[client as Driver];
    const listen = { listen: () => listener(urlOf(feedPort)) };
    return openNearPostgres(client as Driver, urlOf(port), place, { staleSeconds }, port === feedPort ? {} : listen);
  }
  const listen = { listen: () => redisListener(client as Library, feedPort) };
  return openNearRedis(client as Library, port, place, { staleSeconds }, port === feedPort ? {} : listen);
}

const near = await open();

async function answer([verb, ...values]: Asked): Promise<unknown> {
  if (verb === "cached") return cached(near, values[0] as never);
  if (verb === "advanceEpoch") return near.users?.advanceEpoch(values[0] as string, values[1] as number);
  if (verb === "close") {
    await near.close();
    setImmediate(() => process.disconnect());
    return "closed";
  }
  return (near[verb] as (...values: unknown[]) => unknown)(...values);
}

process.on("message", (asked: Asked) => {
  void answer(asked).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.send?.({ value: "ready" });
await once(process, "disconnect");
