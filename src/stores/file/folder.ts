import type fs from "node:fs";
import { join, resolve } from "node:path";
import { SessionError } from "../../core/errors.ts";
import { codeOf, failedWith } from "./failure.ts";
import { PARTS } from "./layout.ts";

/**
 * Makes the store's folder if its parent is there, and checks that it can be one.
 *
 * @returns its absolute path
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function openFolder(dir: string): string {
  if (typeof dir !== "string" || dir === "" || dir.includes("\0")) {
    throw new SessionError("ERR_SESSION_CONFIG", "fileStore: `dir` must be the path of a folder");
  }
  const root = resolve(dir);
  const { mkdirSync, statSync, lstatSync } = process.getBuiltinModule("node:fs");
  try {
    mkdirSync(root, { mode: 0o700 });
  } catch (error) {
    if (failedWith(error, "ENOENT", "ENOTDIR")) {
      throw new SessionError("ERR_SESSION_CONFIG", `fileStore: the folder above ${root} does not exist; make it first`);
    }
    if (!failedWith(error, "EEXIST")) {
      throw new SessionError("ERR_SESSION_CONFIG", `fileStore: ${root} could not be made (${codeOf(error) ?? "unknown"})`);
    }
  }
  if (kindOf(root, statSync) !== "folder") {
    throw new SessionError("ERR_SESSION_CONFIG", `fileStore: ${root} is not a folder`);
  }
  for (const part of PARTS) {
    // Not through a link: what lies there would be written with the store's rights.
    if (kindOf(join(root, part), lstatSync) === "other") {
      throw new SessionError("ERR_SESSION_CONFIG", `fileStore: ${join(root, part)} is in the way; it must be a folder`);
    }
  }
  return root;
}

function kindOf(path: string, stat: typeof fs.statSync): "folder" | "nothing" | "other" {
  try {
    const info = stat(path, { throwIfNoEntry: false });
    if (info === undefined) return "nothing";
    return info.isDirectory() ? "folder" : "other";
  } catch (error) {
    throw new SessionError("ERR_SESSION_CONFIG", `fileStore: ${path} cannot be looked at (${codeOf(error) ?? "unknown"})`);
  }
}
