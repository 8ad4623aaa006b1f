import test from "node:test";
import { memoryStore } from "../../src/stores/memory.ts";
import { adapterKit } from "../../src/testing/adapter-kit.ts";
import { fastifyTarget } from "./targets.ts";

adapterKit(test, fastifyTarget, { store: () => memoryStore() });
