import { floor } from "./floor.mjs";
import { peers } from "./peers.mjs";
import { sojourn } from "./sojourn.mjs";

/** All that is compared, by name: its framework, and what starts it. */
export const configs = { ...floor, ...sojourn, ...peers };
