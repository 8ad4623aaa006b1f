/** The data that schedules write: what was done to a session, readable from the session itself. */
export interface Trail {
  /** Which session this is, through all its ids. */
  lineage?: string;
  /** The marks of atomic updates, in their order. */
  log?: string[];
  /** A key that is merged by adding. */
  count?: number;
  /** Marks that writers set, each a key of its own. */
  [mark: `mark ${string}`]: true;
}

/** One request of an application. */
export interface Visit {
  /** The data, to read and to change. */
  load(): Promise<Trail>;
  /** Changes the data atomically; stored when it resolves. */
  update(change: (data: Trail) => void): Promise<void>;
  /** Changes the data under the session's lock; stored when it resolves. */
  exclusive(change: (data: Trail) => void): Promise<void>;
  cycle(): Promise<void>;
  login(userId: string): Promise<void>;
  logout(): Promise<void>;
  /** Stores what is pending. Gives the id that the cookie now has: null for one that is deleted, undefined when none was set. */
  respond(): Promise<string | null | undefined>;
}

/** One process of an application over a store. */
export interface Application {
  visit(id: string | null): Visit;
  revoke(id: string): Promise<void>;
  revokeUser(userId: string, except: string | null): Promise<void>;
  sweep(): Promise<void>;
}

/** What became of a write that failed: surely nothing, or something that nobody can know. */
export type Failure = "refused" | "unknown";
