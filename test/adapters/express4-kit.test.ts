import test from "node:test";
import { memoryStore } from "../../src/stores/memory.ts";
import { adapterKit } from "../../src/testing/adapter-kit.ts";
import { express4Target } from "./targets.ts";

adapterKit(test, express4Target, { store: () => memoryStore() });
