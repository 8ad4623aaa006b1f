import { isSessionError } from "../../core/errors.ts";
import { isStateless, type SessionStore } from "../../core/store.ts";
import type { ResolvedOptions } from "../../core/options.ts";
import { isLockHandle } from "../../core/id.ts";
import { detailOf } from "../detail.ts";
import { span } from "../moments.ts";
import { describeRecord } from "../stored.ts";
import { type Finding, finding } from "./findings.ts";
import { type Check, isPrivate } from "./subject.ts";

const SAMPLE = 100;
const DAY_MS = 86_400_000;

/** Some stored sessions: whether they can be read, and what their times say. */
export const sampleCheck: Check = {
  name: "sessions",
  async run({ store, options, migrated }) {
    if (store === null) return "the store is not open";
    if (isStateless(store) || isPrivate(store)) return "there are no sessions that could be seen from here";
    if (!migrated) return "there is no table of this release";
    try {
      return await sampled(store, options);
    } catch (error) {
      if (isSessionError(error, "ERR_SESSION_UNREADABLE"))
        return [finding("sessions-unreadable", `${detailOf(error)}.`, "error")];
      if (isSessionError(error)) return [finding("store-unusable", `${detailOf(error)}.`)];
      throw error;
    }
  },
};

async function sampled(store: SessionStore, options: ResolvedOptions): Promise<readonly Finding[] | string> {
  if (store.list === undefined) return "the store cannot list its sessions";
  const records = (await store.list({ limit: SAMPLE })).filter(({ handle }) => !isLockHandle(handle));
  if (records.length === 0) return "there are no sessions yet";
  const found: Finding[] = [];
  const all = await Promise.all(records.map((record) => describeRecord(record, 0, options)));
  const unreadable = all.filter((one) => one.state === "unreadable").length;
  if (unreadable > 0) {
    const severity = unreadable === records.length ? "error" : "warning";
    found.push(finding("sessions-unreadable", `${unreadable} of ${records.length} that were looked at.`, severity));
  }
  const now = options.clock.now();
  const stale = records.filter(({ expiresAt }) => expiresAt < now - DAY_MS).length;
  if (stale * 2 > records.length)
    found.push(finding("expired-backlog", `${stale} of ${records.length} that were looked at.`));
  const ahead = Math.max(...records.map(({ createdAt }) => createdAt - now));
  if (ahead > options.clockSkewSeconds * 1000)
    found.push(finding("clock-skew", `One began ${span(ahead / 1000)} from now.`));
  return found;
}
