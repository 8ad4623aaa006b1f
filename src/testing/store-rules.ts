import { createRules } from "./rules/create.ts";
import { dataRules } from "./rules/data.ts";
import { handleRules } from "./rules/handles.ts";
import { hostileRules } from "./rules/hostile.ts";
import { listRules } from "./rules/list.ts";
import { loadRules } from "./rules/load.ts";
import { raceRules } from "./rules/race.ts";
import { retireRules } from "./rules/retire.ts";
import { rotateRules } from "./rules/rotate.ts";
import { saveRules } from "./rules/save.ts";
import { sessionDataRules } from "./rules/session-data.ts";
import { sessionExpiryRules } from "./rules/session-expiry.ts";
import { sessionLifeRules } from "./rules/session-life.ts";
import { sessionRaceRules } from "./rules/session-race.ts";
import { sharingRules } from "./rules/sharing.ts";
import { sweepRules } from "./rules/sweep.ts";
import { touchRules } from "./rules/touch.ts";
import { userRules } from "./rules/users.ts";
import type { StoreRule } from "./store-rule.ts";

/** The contract of a store, verb by verb, as promises that any store can be held to. */
export const verbRules: readonly StoreRule[] = [
  ...loadRules,
  ...createRules,
  ...saveRules,
  ...touchRules,
  ...retireRules,
  ...rotateRules,
  ...userRules,
  ...listRules,
  ...sweepRules,
  ...sharingRules,
  ...dataRules,
  ...hostileRules,
  ...raceRules,
  ...handleRules,
];

/** What sessions promise over any store that keeps the contract: the behaviours of Django's own tests, and what goes beyond them. */
export const sessionRules: readonly StoreRule[] = [
  ...sessionDataRules,
  ...sessionLifeRules,
  ...sessionExpiryRules,
  ...sessionRaceRules,
];

/** Every promise of the store kit. */
export const storeRules: readonly StoreRule[] = [...verbRules, ...sessionRules];
