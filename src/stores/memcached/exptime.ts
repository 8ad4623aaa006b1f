/** Up to this many seconds Memcached takes a time for one from now on: 30 days. */
const LONGEST_RELATIVE = 2_592_000;
/** Beyond this second, in January 2038, Memcached's numbers end: the time would be taken for one that is over. */
const LATEST = 2 ** 31 - 1;
const NEVER = 0;

/**
 * When Memcached may remove an item by itself: `slackSeconds` after its deadline, given in milliseconds. Always a moment and never a
 * span, so that it is the same whenever the request arrives; a moment that Memcached cannot express is never.
 */
export function exptimeOf(deadline: number, slackSeconds: number): number {
  const moment = Math.ceil(deadline / 1000 + slackSeconds);
  if (moment > LATEST) return NEVER;
  return Math.max(moment, LONGEST_RELATIVE + 1);
}
