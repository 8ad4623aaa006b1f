import type { AdapterRule } from "./adapter-rule.ts";
import { basicRules } from "./adapter-rules-basic.ts";
import { errorRules } from "./adapter-rules-error.ts";
import { headerRules } from "./adapter-rules-header.ts";
import { lateRules } from "./adapter-rules-late.ts";
import { nodeRules } from "./adapter-rules-node.ts";
import { outageRules } from "./adapter-rules-outage.ts";
import { orderRules } from "./adapter-rules-order.ts";
import { raceRules } from "./adapter-rules-race.ts";

/** Every promise of the adapter kit. */
export const adapterRules: readonly AdapterRule[] = [
  ...basicRules,
  ...headerRules,
  ...orderRules,
  ...errorRules,
  ...outageRules,
  ...lateRules,
  ...nodeRules,
  ...raceRules,
];
