import test from "node:test";
import { storeKit } from "../../src/testing/store-kit.ts";
import { memoryStore } from "../../src/stores/memory.ts";

storeKit(test, { name: "memory", storage: () => ({ open: () => memoryStore() }) });
