import { basename, resolve } from "node:path";
import { existsSync } from "node:fs";
import { DEFAULT_STORE } from "../create-sessions.ts";
import { resolveOptions, type ResolvedOptions, type SessionsOptions } from "../core/options.ts";
import { Sessions } from "../core/sessions.ts";
import { isStateless, type SessionStore, type StatelessStore } from "../core/store.ts";
import { storeFromUrl } from "../store-url.ts";
import { sqliteStore } from "../stores/sqlite.ts";
import { type Configuration, loadConfiguration } from "./config-file.ts";
import type { Context } from "./context.ts";
import { CliError } from "./errors.ts";
import { migratingPart } from "./migrating.ts";
import { peekDatabase, requirePresence } from "./peek.ts";
import { decidingUrl, parseStoreUrl, shownUrl } from "./store-url.ts";

/** Who chose the store. */
export type ChosenBy = "--store" | "SOJOURN_STORE" | "configuration" | "default";

/** The store that was chosen, not opened yet unless the configuration did so. */
export interface Choice {
  readonly by: ChosenBy;
  /** What to call the store in messages. */
  readonly label: string;
  readonly store: string | SessionStore | StatelessStore;
  readonly configuration: Configuration | undefined;
}

/** A store that is open, and the application's sessions over it. */
export interface Target {
  readonly choice: Choice;
  readonly sessions: Sessions;
  readonly store: SessionStore | StatelessStore;
  close(): Promise<void>;
}

/** What the command line says about the store. */
export interface TargetOptions {
  readonly store: string | undefined;
  readonly config: string | undefined;
}

/**
 * Finds the store to work on: `--store`, else the configuration that `--config` names, else `SOJOURN_STORE`, else the configuration
 * in the working directory, else the default database if it is there. Everything but the store comes from the configuration, if
 * there is one.
 *
 * @throws {CliError} ERR_CLI_NO_STORE and those of the configuration
 */
export async function chooseStore(ctx: Context, { store, config }: TargetOptions): Promise<Choice> {
  const configuration = await loadConfiguration(ctx, config);
  const choice = (by: ChosenBy, url: string): Choice => ({ by, label: shownUrl(url), store: url, configuration });
  if (store !== undefined) return choice("--store", store);
  const fromEnvironment = ctx.env["SOJOURN_STORE"] ?? "";
  if (config === undefined && fromEnvironment !== "") return choice("SOJOURN_STORE", fromEnvironment);
  if (configuration !== undefined) {
    const configured = configuration.sessions?.store ?? configuration.options?.store ?? DEFAULT_STORE;
    if (typeof configured === "string") return choice("configuration", configured);
    return {
      by: "configuration",
      label: `${configured.name} (${basename(configuration.path)})`,
      store: configured,
      configuration,
    };
  }
  if (existsSync(resolve(ctx.cwd, parseStoreUrl(DEFAULT_STORE).rest))) return choice("default", DEFAULT_STORE);
  throw new CliError("ERR_CLI_NO_STORE");
}

/** What a command is about to do with the store. */
export type Purpose = "look" | "change";

/**
 * Opens the chosen store, for looking or for changing its sessions. Makes neither a database nor a table nor a folder.
 *
 * @throws {CliError} ERR_CLI_NO_STORE, ERR_CLI_STORE_MISSING, ERR_CLI_STORE_PRIVATE, ERR_CLI_NO_TABLE, those of the configuration
 * @throws {SessionError} ERR_SESSION_CONFIG and others of the store
 */
export async function openTarget(ctx: Context, options: TargetOptions, purpose: Purpose): Promise<Target> {
  const choice = await chooseStore(ctx, options);
  if (typeof choice.store === "string") requirePresence(choice.store, ctx.cwd);
  const target = targetOf(choice, typeof choice.store === "string" ? openToLook(ctx, choice.store) : choice.store);
  try {
    await requireUsable(target.store);
    if (purpose === "look" || typeof choice.store !== "string") return target;
    // Opened a second time, now that it is known to be the right one: a database that is opened for changes is changed by that.
    await target.close();
    return targetOf(choice, storeFromUrl(choice.store, ctx.env));
  } catch (error) {
    await target.close();
    throw error;
  }
}

/** The application's sessions over an open store. */
export function targetOf(choice: Choice, store: SessionStore | StatelessStore): Target {
  const sessions = new Sessions({ ...optionsFor(choice.configuration), store });
  return {
    choice,
    sessions,
    store,
    async close() {
      await sessions.close();
      const theirs = choice.configuration?.sessions;
      if (theirs !== undefined && theirs.store !== store) await theirs.close();
    },
  };
}

/** Opens the store of a URL so that nothing is made or changed by it. */
export function openToLook(ctx: Context, url: string): SessionStore | StatelessStore {
  const { scheme, rest } = parseStoreUrl(url);
  const database = scheme === "sqlite" ? peekDatabase(resolve(ctx.cwd, rest)) : undefined;
  return database === undefined ? storeFromUrl(decidingUrl(url), ctx.env) : sqliteStore({ database, closeDatabase: true });
}

async function requireUsable(store: SessionStore | StatelessStore): Promise<void> {
  if (isStateless(store)) return;
  if (store.reach === "process") throw new CliError("ERR_CLI_STORE_PRIVATE");
  const pending = await migratingPart(store)?.migrate({ dryRun: true });
  if (pending !== undefined && pending.statements.length > 0) throw new CliError("ERR_CLI_NO_TABLE");
}

/** The configuration's options without its store, and without what only requests need and another store may refuse. */
function optionsFor(configuration: Configuration | undefined): SessionsOptions {
  const { store: _store, merge: _merge, together: _together, header: _header, ...rest } = givenOptions(configuration);
  return rest;
}

/** The options as the application gave them, or what amounts to the same. */
function givenOptions(configuration: Configuration | undefined): SessionsOptions {
  if (configuration?.sessions === undefined) return configuration?.options ?? {};
  const { cookieName, cookie, readAlso, ...rest } = configuration.sessions.options;
  // Typed for the application's own data, which nothing here knows.
  return { ...rest, cookie: { ...cookie, name: cookieName, readAlso } } as SessionsOptions;
}

/** The options complete, and checked together with the store that they are for. @throws {SessionError} ERR_SESSION_CONFIG */
export function checkedOptions(
  configuration: Configuration | undefined,
  store: SessionStore | StatelessStore,
): ResolvedOptions {
  return resolveOptions(givenOptions(configuration), store);
}
