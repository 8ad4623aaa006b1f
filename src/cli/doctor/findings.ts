/** How bad a finding is: `error` must be fixed, `warning` should be, `note` is to be known. */
export type Severity = "error" | "warning" | "note";

/** One row of the table. */
interface FindingEntry {
  readonly severity: Severity;
  readonly title: string;
  readonly fix: string;
}

/** Everything that `sojourn doctor` can find. `docs/cli.md` has an entry for each. */
export const FINDINGS = {
  "configuration-invalid": {
    severity: "error",
    title: "The configuration cannot work",
    fix: "Change the option that the message names.",
  },
  "store-unusable": {
    severity: "error",
    title: "The store cannot be used",
    fix: "See the message; the application will fail in the same way.",
  },
  "store-missing": {
    severity: "note",
    title: "The store is not there yet",
    fix: "Nothing, if the application has not run here. Else check the path and the working directory.",
  },
  "table-pending": {
    severity: "warning",
    title: "The table of sessions is missing or of an older release",
    fix: "Run `sojourn migrate` before the application starts.",
  },
  "memory-store": {
    severity: "note",
    title: "Sessions are in the memory of one process, and end with it",
    fix: "For production choose a store that lasts, such as sqlite:FILE; several processes need one that they share.",
  },
  "cookie-not-secure": {
    severity: "warning",
    title: "The cookie is not Secure: it also travels over plain http, where anyone on the way can take it",
    fix: "Remove `secure: false` wherever the application is reached by https; keep it for development on loopback only.",
  },
  "cookie-script-readable": {
    severity: "error",
    title: "The cookie is not HttpOnly: any script on the page can read and send away the id",
    fix: "Remove `httpOnly: false`; what scripts need to know belongs into a cookie of its own.",
  },
  "cookie-no-prefix": {
    severity: "warning",
    title: "The cookie's name has no __Host- prefix, so a subdomain can plant a cookie of that name",
    fix: "Name it `__Host-…`, and its present name in `readAlso` until the old cookies have expired.",
  },
  "cookie-shared-domain": {
    severity: "warning",
    title: "The cookie is shared with every host of its domain: each can read and replace it",
    fix: "Leave `domain` out unless the hosts are all yours and need one session.",
  },
  "cookie-cross-site": {
    severity: "warning",
    title: "Browsers send the cookie with requests that other sites make",
    fix: 'Use `sameSite: "lax"`; if the site is embedded, add `partitioned: true` and a token against forged requests.',
  },
  "cookie-same-site-unset": {
    severity: "warning",
    title: "The cookie has no SameSite, and browsers differ in what that means",
    fix: 'Say `sameSite: "lax"`.',
  },
  "cookie-old-names": {
    severity: "note",
    title: "Cookies of older names are still accepted",
    fix: "Empty `readAlso` when the sessions from before the renaming have expired.",
  },
  "lifetime-long": {
    severity: "warning",
    title: "Sessions may last longer than 30 days, the most that NIST SP 800-63B-4 (2.1.3) advises",
    fix: "Lower `absoluteSeconds`, or write down why this application needs longer sessions.",
  },
  "lifetime-beyond-cookies": {
    severity: "warning",
    title: "Sessions may last longer than 400 days, and browsers forget their cookies by then",
    fix: "Lower `absoluteSeconds`: the rest only fills the store.",
  },
  "first-lifetime-long": {
    severity: "warning",
    title: "A visitor who never comes back is kept for more than a day, and so is every robot's visit",
    fix: "Lower `firstSeconds`; one hour is the default.",
  },
  "tombstone-short": {
    severity: "warning",
    title: "An ended session is remembered for less than 10 seconds, which a slow request outlasts",
    fix: "Raise `tombstoneSeconds` above the time that a request may take; one minute is the default.",
  },
  "contention-long": {
    severity: "warning",
    title: "A contended request may wait for more than 30 seconds, longer than most proxies do",
    fix: "Lower `contentionSeconds`; five is the default.",
  },
  "skew-none": {
    severity: "warning",
    title: "No difference between the clocks of the machines is allowed for, and they are never quite alike",
    fix: "Raise `clockSkewSeconds`; five is the default.",
  },
  "save-every-request": {
    severity: "note",
    title: "Every request of a session that is not empty writes to the store",
    fix: "Remove `saveEveryRequest` unless a deadline exact to the second is needed: reading moves it often enough.",
  },
  "refresh-every-read": {
    severity: "note",
    title: "Every read of a session writes its deadline",
    fix: "Leave `refreshSeconds` out: a tenth of the idle time is the default.",
  },
  "codec-plain": {
    severity: "warning",
    title: "Sessions lie in a shared store unprotected: who can write there can make up a session for any user",
    fix: "Use `sealedCodec` or `signedCodec` with a key from `sojourn generate-key`.",
  },
  "codec-migrating": {
    severity: "warning",
    title: "A codec without keys is still read, so a session planted in the store reads as genuine",
    fix: "Drop the old reader from `migratingCodec` when the sessions that it wrote have expired.",
  },
  "cookie-store-replay": {
    severity: "warning",
    title: "An old copy of a cookie stays good until its deadline, after a logout too, and nothing can be revoked",
    fix: "Lower `absoluteSeconds`, or use a store on the server for whatever must end when it is ended.",
  },
  "cookie-store-size": {
    severity: "warning",
    title: "The cookies may grow beyond 7 kB, and many servers refuse a Cookie header of 8 KiB",
    fix: "Lower `maxCookieBytes`, or raise the limit of everything in front of the application.",
  },
  "cookie-store-signed": {
    severity: "note",
    title: "The cookies are signed, not sealed: whoever has the browser can read the session's data",
    fix: 'Use `mode: "sealed"` unless nothing in the data is private.',
  },
  "files-writable": {
    severity: "error",
    title: "Other users of this machine can write to the store, and so make up a session for any user",
    fix: "Take their right away: `chmod go-w`.",
  },
  "files-readable": {
    severity: "warning",
    title: "Other users of this machine can read the store",
    fix: "Take their right away: `chmod go-rwx`.",
  },
  "network-filesystem": {
    severity: "warning",
    title: "The store is on a network file system, where locks and renames cannot be relied on",
    fix: "Keep it on a disk of the machine, or use a store that is a server.",
  },
  "database-not-wal": {
    severity: "warning",
    title: "The database is not in WAL mode: readers and writers hold each other up",
    fix: "Nothing, if the application has not opened it yet: it switches. Else its file system does not allow it; move the file.",
  },
  "database-power-cut": {
    severity: "note",
    title: "After a power cut the last moments of sessions, endings among them, may be undone",
    fix: 'If that matters: `sqliteStore({ path, synchronous: "full" })`. The end of a process, however sudden, loses nothing.',
  },
  "sessions-unreadable": {
    severity: "warning",
    title: "Some stored sessions cannot be read with this configuration",
    fix: "Restore the key, the codec or the schema that wrote them. They are left as they are, and expire in their time.",
  },
  "expired-backlog": {
    severity: "warning",
    title: "Most of the sessions in the store expired more than a day ago",
    fix: "Run `sojourn clear-expired` on a timer, once an hour or a day.",
  },
  "clock-skew": {
    severity: "warning",
    title: "Some sessions began in the future",
    fix: "Set the clocks of all machines by one time service (NTP); a difference below `clockSkewSeconds` is allowed for.",
  },
} as const satisfies Record<string, FindingEntry>;

/** The stable name of a finding. */
export type FindingCode = keyof typeof FINDINGS;

/** Something that was found. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly title: string;
  /** What exactly was seen. */
  readonly detail?: string;
  readonly fix: string;
}

/** Makes a finding from its row in the table. */
export function finding(code: FindingCode, detail?: string, severity?: Severity): Finding {
  const entry = FINDINGS[code];
  return {
    code,
    severity: severity ?? entry.severity,
    title: entry.title,
    ...(detail === undefined ? {} : { detail }),
    fix: entry.fix,
  };
}
