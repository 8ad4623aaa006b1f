import test from "node:test";
import { memoryStore } from "../../src/stores/memory.ts";
import { adapterKit } from "../../src/testing/adapter-kit.ts";
import { fetchTarget } from "./targets.ts";

adapterKit(test, fetchTarget, { store: () => memoryStore() });
