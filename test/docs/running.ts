import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { root } from "./pages.ts";

export const CONDITION = "--conditions=sojourn:source";

/** A new folder inside the project, so that a page's code finds the package by its name; its own working directory. */
export function newFolder(name: string): { readonly path: string; remove(): void } {
  mkdirSync(join(root, ".tmp"), { recursive: true });
  const path = mkdtempSync(join(root, ".tmp", `${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true }) };
}

/** A page's server, running. */
export interface RunningBlock {
  readonly url: string;
  stop(): Promise<void>;
}

/** Runs a page's code that listens on port 3000, on a free port in its place. */
export async function runServer(code: string): Promise<RunningBlock> {
  const port = await freePort();
  const folder = newFolder("page");
  writeFileSync(join(folder.path, "page.ts"), code.replace(/\b3000\b/, String(port)));
  const child = spawn(process.execPath, [CONDITION, "page.ts"], {
    cwd: folder.path,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const exit = once(child, "exit");
  while (child.exitCode === null && !(await isOpen(port))) await pause(20);
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill("SIGKILL");
      await exit;
      folder.remove();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
  });
}

/** The `name=value` of a response's only cookie. */
export function cookieOf(response: Response): string {
  const [text = ""] = response.headers.getSetCookie();
  return text.slice(0, text.indexOf(";"));
}
