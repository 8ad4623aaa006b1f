import type { Section } from "../guarantee.ts";

export const time: Section = {
  title: "Time",
  guarantees: [
    {
      title: "A session ends when it should, by the application's clock",
      rules: [
        "a record past its deadline is served, because the session decides on expiry",
        "save writes onto a record past its deadline, because the session decides on expiry",
        "by default a session lives for the idle time, also one that ends with the browser",
        "setExpiry in seconds counts from now",
        "setExpiry with a date holds until that date",
        "setExpiry(null) goes back to the default, also when nothing was set",
        "a session ends with the browser when it or the default says so",
        "a session that was stored with an expiry in the past is empty when it is opened",
        "a session expires after its idle time, to the millisecond, and a visit renews it",
        "a session whose cookie never comes back lives for the first lifetime alone",
      ],
    },
    {
      title: "Nothing carries a session past a shorter deadline",
      rules: [
        "save may bring the deadline nearer",
        "touch moves the deadline and nothing else",
        "touch never brings a deadline nearer",
        "touch is for the version that was read, and stale for another",
        "a touch from before a shorter deadline was saved does not lengthen it",
        "in a race between touch and a save that shortens the deadline, the shorter deadline holds",
        "no visit and no write carries a session beyond its absolute lifetime, and no rotation",
        "a fixed date is not moved by visits, and a shorter expiry is not outlived",
        "of two expiries set at once the shorter one wins",
        "a write that races the shortening of an expiry does not undo it, nor does a visit",
      ],
    },
    {
      title: "What one process wrote, the others see",
      rules: [
        "what one handle wrote, another reads at once",
        "what one handle wrote, another that keeps copies reads within the seconds that it declares",
        "a load that asks for the original sees at once what another handle wrote",
      ],
    },
    {
      title: "A sweep removes what has expired, and nothing else",
      rules: [
        "a sweep of an empty store removes nothing",
        "a sweep removes records whose deadline is at or before its moment, and no others",
        "a sweep goes by the moment that it is given, not by a clock of its own",
        "a sweep removes tombstones whose time is at or before its moment, and no others",
        "a tombstone stays for its own time, whatever deadline the record had",
        "a batch removes at most its limit, and fewer only when none is left",
        "a batch that ends exactly at its limit is followed by an empty one",
        "a handle that was swept is free again",
        "a sweep goes by the deadline that was written last",
        "a sweep never removes what was renewed while it ran",
        "a tombstone's time may move later, and never earlier",
        "a sweep leaves a lock alone until its deadline, and then removes it",
        "a sweep finds what is over behind any number of sessions that were renewed",
        "sweeping removes what has expired, in batches, with the clocks' skew to spare, and nothing else",
      ],
    },
    {
      title: "What is swept leaves its user's list",
      rules: ["a swept session leaves its user's list, and the epoch stays"],
    },
    {
      title: "Sweeps of several processes share the work",
      rules: [
        "sweeps over two handles remove each record once",
        "of machines that sweep under a lease one does the work, and another goes on when its lease ran out",
      ],
    },
  ],
};
