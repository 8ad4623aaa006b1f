import type { Command } from "../context.ts";
import { clearExpiredCommand } from "./clear-expired.ts";
import { decodeCommand } from "./decode.ts";
import { doctorCommand } from "./doctor.ts";
import { encodeCommand } from "./encode.ts";
import { generateKeyCommand } from "./generate-key.ts";
import { importCommand } from "./import.ts";
import { inspectCommand } from "./inspect.ts";
import { listCommand } from "./list.ts";
import { migrateCommand } from "./migrate.ts";
import { revokeCommand } from "./revoke.ts";

/** The commands that do something, in the order of the help. */
export const WORKING_COMMANDS: readonly Command[] = [
  inspectCommand,
  listCommand,
  revokeCommand,
  clearExpiredCommand,
  migrateCommand,
  importCommand,
  decodeCommand,
  encodeCommand,
  generateKeyCommand,
  doctorCommand,
];
