import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { freePort, removeServerFolder, runProgram, serverFolder, ServerProcess, until } from "../../servers/process.ts";
import { redisExchange } from "../../servers/exchange.ts";
import { requireProgram } from "../../servers/programs.ts";

/** A Redis and a sentinel that speak TLS, with a certificate that an authority of the test's own has signed. */
export interface TlsRedis extends AsyncDisposable {
  /** The server is a cluster of its own. */
  readonly clusterPort: number;
  readonly singlePort: number;
  readonly sentinelPort: number;
  /** The file with the authority's certificate, for NODE_EXTRA_CA_CERTS. */
  readonly authority: string;
}

/** Starts a server alone, one that is a whole cluster, and a sentinel that watches the first, all with TLS. */
export async function startTlsRedis(): Promise<TlsRedis> {
  const folder = serverFolder("tls");
  const certificate = await certificateIn(folder);
  const servers: ServerProcess[] = [];
  const start = async (args: readonly string[], more: readonly string[] = []): Promise<{ port: number; plain: number }> => {
    const [plain, port] = [await freePort(), await freePort()];
    const own = ["--port", String(plain), "--tls-port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
    const server = await ServerProcess.start({
      program: requireProgram("redis-server"),
      args: [...args, ...own, ...certificate.args, ...more],
      async ready() {
        if (!(await redisExchange(plain, "PING")).startsWith("+PONG")) throw new Error("It does not answer");
      },
    });
    servers.push(server);
    return { port, plain };
  };
  const single = await start([]);
  const clustered = ["--cluster-enabled", "yes", "--cluster-config-file", "n", "--cluster-port", String(await freePort())];
  // Alone, it would not know its own address.
  const cluster = await start(clustered, ["--tls-cluster", "yes", "--cluster-announce-ip", "127.0.0.1"]);
  await redisExchange(cluster.plain, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await until("the cluster is up", async () => (await redisExchange(cluster.plain, "CLUSTER", "INFO")).includes("state:ok"));
  const file = join(folder, "sentinel.conf");
  writeFileSync(file, `sentinel monitor sojourn 127.0.0.1 ${single.port} 1\n`);
  const sentinel = await start([file, "--sentinel"], ["--tls-replication", "yes"]);
  return {
    clusterPort: cluster.port,
    singlePort: single.port,
    sentinelPort: sentinel.port,
    authority: certificate.authority,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.stop()));
      removeServerFolder(folder);
    },
  };
}

async function certificateIn(folder: string): Promise<{ readonly authority: string; readonly args: readonly string[] }> {
  const path = (name: string): string => join(folder, name);
  const openssl = requireProgram("openssl");
  const subject = ["-days", "2", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=sojourn"];
  await runProgram(openssl, ["req", "-x509", ...subject, "-keyout", path("ca.key"), "-out", path("ca.crt")]);
  const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-CA", path("ca.crt"), "-CAkey", path("ca.key")];
  await runProgram(openssl, ["req", "-x509", ...subject, ...names, "-keyout", path("s.key"), "-out", path("s.crt")]);
  const files = ["--tls-cert-file", path("s.crt"), "--tls-key-file", path("s.key"), "--tls-ca-cert-file", path("ca.crt")];
  return { authority: path("ca.crt"), args: [...files, "--tls-auth-clients", "no"] };
}
