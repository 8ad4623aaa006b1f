/**
 * The part of Standard Schema (version 1) that sojourn calls; zod, valibot, arktype and others have it.
 * Source: https://standardschema.dev
 */
export interface SchemaLike<Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

/** What a schema answers: the value, possibly changed, or the issues. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<{ readonly message: string }> };
