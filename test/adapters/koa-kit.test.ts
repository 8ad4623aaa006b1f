import test from "node:test";
import { memoryStore } from "../../src/stores/memory.ts";
import { adapterKit } from "../../src/testing/adapter-kit.ts";
import { koaTarget } from "./targets.ts";

adapterKit(test, koaTarget, { store: () => memoryStore() });
