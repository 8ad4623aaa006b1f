import { django } from "./django.mjs";
import { floor } from "./floor.mjs";
import { peers } from "./peers.mjs";
import { sojourn } from "./sojourn.mjs";

/** All that is compared, by name: its framework, and what starts it in a process of Node.js. */
export const configs = { ...floor, ...sojourn, ...peers, ...django };
