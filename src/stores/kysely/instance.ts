/** A statement as Kysely's `CompiledQuery.raw` makes it. */
export interface KyselyQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly query: KyselyRawNode;
  readonly queryId: { readonly queryId: string };
}

/** The tree that a `KyselyQuery` without a builder has. */
export interface KyselyRawNode {
  readonly kind: "RawNode";
  readonly sqlFragments: readonly string[];
  readonly parameters: readonly [];
}

/** As much of Kysely's `QueryResult` as the store reads. */
export interface KyselyResult {
  readonly rows: readonly unknown[];
  readonly numAffectedRows?: bigint | undefined;
  readonly insertId?: bigint | undefined;
}

/** What runs statements: an instance of Kysely, or a transaction. */
export interface KyselyExecutorLike {
  executeQuery(query: KyselyQuery): Promise<KyselyResult>;
}

/** As much of an instance of `Kysely`, of whatever database, as the store uses. */
export interface KyselyLike extends KyselyExecutorLike {
  /** True for a transaction, which the store refuses. */
  readonly isTransaction: boolean;
  /** The same instance without its plugins, which could change the names of columns. */
  withoutPlugins(): KyselyWithoutPluginsLike;
}

/** What `withoutPlugins` gives. */
export interface KyselyWithoutPluginsLike extends KyselyExecutorLike {
  transaction(): { execute<T>(work: (transaction: KyselyExecutorLike) => Promise<T>): Promise<T> };
}
