import { span } from "../moments.ts";
import { type Finding, finding } from "./findings.ts";
import type { Check } from "./subject.ts";

const DAY = 86_400;

/** How long sessions last, and how long requests wait for them. */
export const lifetimesCheck: Check = {
  name: "lifetimes",
  run({ options, store }) {
    const { absoluteSeconds, firstSeconds, tombstoneSeconds, contentionSeconds, clockSkewSeconds, refreshSeconds } = options;
    const found: Finding[] = [];
    if (absoluteSeconds > 30 * DAY) found.push(finding("lifetime-long", `They may last ${span(absoluteSeconds)}.`));
    if (absoluteSeconds > 400 * DAY) found.push(finding("lifetime-beyond-cookies"));
    if (firstSeconds > DAY) found.push(finding("first-lifetime-long", `It is ${span(firstSeconds)}.`));
    if (tombstoneSeconds < 10) found.push(finding("tombstone-short", `It is ${span(tombstoneSeconds)}.`));
    if (contentionSeconds > 30) found.push(finding("contention-long", `It is ${span(contentionSeconds)}.`));
    if (clockSkewSeconds === 0 && store?.reach === "network") found.push(finding("skew-none"));
    if (options.saveEveryRequest) found.push(finding("save-every-request"));
    if (refreshSeconds === 0) found.push(finding("refresh-every-read"));
    return found;
  },
};
