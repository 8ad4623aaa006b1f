export { createSessions, DEFAULT_STORE } from "./create-sessions.ts";
export { KEYS_VARIABLE, storeFromUrl } from "./store-url.ts";
export {
  type CreatedSession,
  type CreateOptions,
  type FoundSession,
  type ListedSession,
  Sessions,
} from "./core/sessions.ts";
export type { ClearOptions } from "./core/sweep.ts";
export type { SweepState } from "./core/sweep-lease.ts";
export type { Sweeping, SweepingOptions } from "./core/sweeper.ts";
export { type LoginOptions, Session } from "./core/session.ts";
export type { Flash, FlashEntry } from "./core/flash.ts";
export type { LockOptions } from "./core/lock.ts";
export type { Policy } from "./core/work-policy.ts";
export {
  type CookieOptions,
  DEFAULTS,
  type GonePolicy,
  type HeaderOptions,
  type MergeRuleOf,
  type ResolvedOptions,
  type SessionsOptions,
  type StoreErrorPolicy,
  type UnreadablePolicy,
} from "./core/options.ts";
export { max, type MergeRule, type MergeSides, min, reject, sum, union } from "./core/merge.ts";
export type { SchemaLike, SchemaResult } from "./core/standard-schema.ts";
export { type Clock, type SleepOptions, systemClock } from "./core/clock.ts";
export {
  ERROR_TABLE,
  isSessionError,
  SessionError,
  type SessionErrorCode,
  type SessionErrorOptions,
} from "./core/errors.ts";
export { SESSION_EVENTS, type SessionEvent, type SessionEventName } from "./core/events.ts";
export { handleOf, isSessionHandle, isSessionId, type SessionHandle, type SessionId } from "./core/id.ts";
export type { RetiredReason, SessionRecord, Tombstone } from "./core/record.ts";
export type {
  Awaitable,
  ClearBatch,
  CreateOutcome,
  ListPage,
  LoadOutcome,
  OpenOutcome,
  RetireOutcome,
  RotateOutcome,
  SaveOutcome,
  SessionStore,
  StatelessStore,
  StoreReach,
  TouchOutcome,
  UnfinishedBatch,
  UserIndex,
} from "./core/store.ts";
export { type Codec, type CodecContext, CodecError, type CodecErrorReason } from "./codec/codec.ts";
export { compressedCodec, type CompressedCodecOptions } from "./codec/compressed.ts";
export { jsonCodec, type JsonCodecOptions } from "./codec/json.ts";
export type { MarkedCodec } from "./codec/mark.ts";
export { migratingCodec, type MigratingCodecOptions } from "./codec/migrating.ts";
export { sealedCodec, type SealedCodecOptions } from "./codec/sealed.ts";
export { signedCodec, type SignedCodecOptions } from "./codec/signed.ts";
export { generateKey, type KeyInput, KeyRing, keyRing } from "./crypto/key-ring.ts";
export { memoryStore } from "./stores/memory.ts";
