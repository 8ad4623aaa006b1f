import test from "node:test";
import { memoryStore } from "../../src/stores/memory.ts";
import { adapterKit } from "../../src/testing/adapter-kit.ts";
import { express5Target } from "./targets.ts";

adapterKit(test, express5Target, { store: () => memoryStore() });
