import test from "node:test";
import { storeKit } from "../../src/testing/store-kit.ts";
import { storeTargets } from "./targets.ts";

for (const target of storeTargets) storeKit(test, target);
