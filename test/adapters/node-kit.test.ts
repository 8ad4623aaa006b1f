import test from "node:test";
import { memoryStore } from "../../src/stores/memory.ts";
import { adapterKit } from "../../src/testing/adapter-kit.ts";
import { nodeTarget } from "./targets.ts";

adapterKit(test, nodeTarget, { store: () => memoryStore() });
