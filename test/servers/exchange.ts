import { connect } from "node:net";

/**
 * Opens a connection, sends `text`, and gives what comes back until `isWhole` says that it is enough. For asking a server directly
 * whether it is ready, without any client of ours.
 *
 * @throws {Error} when the connection fails, ends early, or takes longer than `seconds`
 */
export function exchange(port: number, text: string, isWhole: (reply: string) => boolean, seconds = 2): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    let reply = "";
    const timer = setTimeout(() => finish(new Error("No answer in time")), seconds * 1000);
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error === undefined) resolve(reply);
      else reject(error);
    };
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      reply += chunk;
      if (isWhole(reply)) finish();
    });
    socket.once("error", finish);
    socket.once("close", () => finish(new Error("The connection ended early")));
    socket.write(text);
  });
}

/** One Redis command and its reply, as text in Redis's own protocol. */
export function redisExchange(port: number, ...command: readonly string[]): Promise<string> {
  const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
  return exchange(port, `*${command.length}\r\n${parts.join("")}`, isWholeRedisReply);
}

function isWholeRedisReply(reply: string): boolean {
  const line = reply.indexOf("\r\n");
  if (line === -1) return false;
  if (!reply.startsWith("$")) return reply.endsWith("\r\n");
  const length = Number(reply.slice(1, line));
  return length < 0 || Buffer.byteLength(reply) >= line + 2 + length + 2;
}
