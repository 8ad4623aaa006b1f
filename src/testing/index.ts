export { type FakeClock, fakeClock, type FakeClockOptions } from "./fake-clock.ts";
export {
  type RuleResult,
  runStoreKit,
  runStoreRule,
  storeKit,
  type StoreKitBinding,
  type StoreKitOptions,
  type TestFunction,
} from "./store-kit.ts";
export type { StoreNeed, StoreRule, StoreRuleContext, StoreStorage, StoreTarget } from "./store-rule.ts";
export { sessionRules, storeRules, verbRules } from "./store-rules.ts";
export { type DjangoBehaviour, djangoBehaviours } from "./django-behaviours.ts";
export {
  type FailedSchedule,
  type PairsOptions,
  replaySchedule,
  runPairs,
  runSchedules,
  type ScheduleLevel,
  type ScheduleReport,
  type SchedulesOptions,
} from "./schedules.ts";
export type { Deed } from "./schedule/play.ts";
export type { ScheduleResult } from "./schedule/run-plan.ts";
export type { Fault } from "./schedule/scheduler.ts";
export { adapterKit, type AdapterKitOptions, runAdapterKit, runAdapterRule } from "./adapter-kit.ts";
export { adapterRules } from "./adapter-rules.ts";
export type {
  AdapterNeed,
  AdapterRule,
  AdapterRuleContext,
  AdapterTarget,
  KitCall,
  KitData,
  KitMounting,
  KitReply,
  KitRoute,
  KitServer,
  KitSetup,
  MountedServer,
  StoreMaker,
} from "./adapter-rule.ts";
export { RuleFailure } from "./assert.ts";
export { type PlaywrightCookie, type TestVisitor, visitor } from "./visitor.ts";
