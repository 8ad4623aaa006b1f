/** How the program ends, for scripts: stable, and the same for every command. */
export const EXIT = Object.freeze({
  /** Done. */
  ok: 0,
  /** It failed, or was declined; with `doctor`: something must be fixed. */
  failed: 1,
  /** The command line cannot be understood. */
  usage: 2,
  /** There is no such session, or it is over. */
  notFound: 3,
  /** The session is there and cannot be read. */
  unreadable: 4,
  /** No store is configured, the configuration cannot be used, or what it names is not there. */
  configuration: 5,
  /** Stopped by Ctrl-C, as shells count it: 128 and the signal's number. */
  interrupted: 130,
  /** Stopped by SIGTERM. */
  terminated: 143,
});
