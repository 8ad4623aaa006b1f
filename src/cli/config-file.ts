import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { ResolvedOptions, SessionsOptions } from "../core/options.ts";
import type { SessionStore, StatelessStore } from "../core/store.ts";
import type { Context } from "./context.ts";
import { CliError } from "./errors.ts";

/** Where a configuration is looked for in the working directory, in this order. */
const CONFIG_NAMES: readonly string[] = ["sojourn.config.ts", "sojourn.config.js", "sojourn.config.mjs"];

/** What a configuration exports: options, or sessions made of them. Perhaps by another copy of the package. */
export type Configuration =
  | { readonly path: string; readonly options: SessionsOptions; readonly sessions?: undefined }
  | { readonly path: string; readonly sessions: SessionsLike; readonly options?: undefined };

/** As much of `Sessions` as the program uses of the application's own. */
export interface SessionsLike {
  readonly options: ResolvedOptions;
  readonly store: SessionStore | StatelessStore;
  close(): Promise<void>;
}

/**
 * Loads the configuration that `--config` names, or the one in the working directory; undefined when there is none.
 *
 * @throws {CliError} ERR_CLI_CONFIG_MISSING, _TYPESCRIPT, _FAILED, _EXPORT
 */
export async function loadConfiguration({ cwd }: Context, named: string | undefined): Promise<Configuration | undefined> {
  const path = named === undefined ? findConfiguration(cwd) : resolve(cwd, named);
  if (path === undefined) return undefined;
  if (!existsSync(path)) throw new CliError("ERR_CLI_CONFIG_MISSING");
  const exported = await imported(path);
  if (isSessionsLike(exported)) return { path, sessions: exported };
  if (isPlainOptions(exported)) return { path, options: exported };
  const problem = exported === undefined ? "has no default export" : "exports something else by default";
  throw new CliError("ERR_CLI_CONFIG_EXPORT", `${basename(path)} ${problem}`);
}

function findConfiguration(cwd: string): string | undefined {
  return CONFIG_NAMES.map((name) => resolve(cwd, name)).find((path) => existsSync(path));
}

async function imported(path: string): Promise<unknown> {
  if (/\.[cm]?ts$/.test(path) && !readsTypeScript()) throw new CliError("ERR_CLI_CONFIG_TYPESCRIPT");
  try {
    const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
    return await unwrapped(module.default);
  } catch (error) {
    const detail = error instanceof Error ? error.message : "It threw something that is no error";
    throw new CliError("ERR_CLI_CONFIG_FAILED", `${basename(path)}: ${detail}`, { cause: error });
  }
}

/** A module that was compiled to CommonJS has its default export one level further down. */
function unwrapped(exported: unknown): unknown {
  const isCompiled = typeof exported === "object" && exported !== null && "__esModule" in exported && "default" in exported;
  return isCompiled ? exported.default : exported;
}

function readsTypeScript(): boolean {
  const { typescript } = process.features as { readonly typescript?: unknown };
  return typescript === "strip" || typescript === "transform";
}

function isSessionsLike(value: unknown): value is SessionsLike {
  if (typeof value !== "object" || value === null || !("options" in value) || !("store" in value)) return false;
  return "close" in value && typeof value.close === "function" && "clearExpired" in value && "of" in value;
}

function isPlainOptions(value: unknown): value is SessionsOptions {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
