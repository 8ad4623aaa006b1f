import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { describe, test } from "node:test";
import * as redis from "redis";
import { listenTo } from "../../src/stores/postgres/listening.ts";
import { parseRedisUrl } from "../../src/stores/redis/address.ts";
import { openNodeRedis } from "../../src/stores/redis/open-node-redis.ts";
import { subscribeTo } from "../../src/stores/redis/subscription.ts";
import { until } from "../servers/process.ts";
import { postgresClients, redisListener, type Driver } from "./near/targets.ts";
import type { Library } from "./redis/targets.ts";

/** What a feed has of its connection. */
interface Connection {
  readonly started: Promise<void>;
  end(): void;
}

/** Connections of feeds, each over a new client of its library. */
const connections: Readonly<Record<Library | Driver | "the store's own, of a redis: URL", (port: number) => Connection>> = {
  "the store's own, of a redis: URL": (port) => {
    const { connected: started, end } = openNodeRedis(redis, parseRedisUrl(`redis://127.0.0.1:${port}`).address);
    return { started, end };
  },
  "node-redis": (port) => overRedis("node-redis", port),
  ioredis: (port) => overRedis("ioredis", port),
  pg: (port) => overPostgres("pg", port),
  postgres: (port) => overPostgres("postgres", port),
};

function overRedis(library: Library, port: number): Connection {
  const connection: Connection = subscribeTo(redisListener(library, port), {
    tracked: ["a:"],
    onKeys: () => undefined,
    onOver: () => connection.end(),
  });
  return connection;
}

function overPostgres(driver: Driver, port: number): Connection {
  const connection: Connection = listenTo(postgresClients[driver].listener(`postgres://u:p@127.0.0.1:${port}/d`), {
    channel: "a",
    onPayload: () => undefined,
    onOver: () => connection.end(),
  });
  return connection;
}

/** How far a connection is when it is ended. */
const phases: Readonly<Record<string, (server: net.Server) => Promise<unknown>>> = {
  "was just asked for": () => Promise.resolve(),
  "was just accepted": (server) => once(server, "connection"),
  "waits for its first answer": (server) =>
    new Promise((resolve) => {
      server.once("connection", (socket: net.Socket) => socket.once("data", resolve));
    }),
};

async function comeAndGo(port: number): Promise<void> {
  const socket = net.connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.end();
  await once(socket, "close");
}

for (const [library, connect] of Object.entries(connections)) {
  describe(`a connection (${library})`, () => {
    for (const [phase, reached] of Object.entries(phases)) {
      test(`is not left open when it is ended while it ${phase}`, async (t) => {
        const server = net.createServer((socket) => void socket.on("error", () => undefined).resume());
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        t.after(() => server.close());
        const { port } = server.address() as AddressInfo;
        const connection = connect(port);
        connection.started.catch(() => undefined);
        await reached(server);
        connection.end();
        // What comes after it is accepted after it: a socket that was still being opened is one by now.
        for (let round = 0; round < 5; round++) await comeAndGo(port);
        const count = (): Promise<number> =>
          new Promise((resolve, reject) => server.getConnections((error, open) => (error ? reject(error) : resolve(open))));
        await until("its socket is closed", async () => (await count()) === 0, 5);
      });
    }
  });
}
