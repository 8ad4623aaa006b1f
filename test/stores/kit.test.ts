import { file, memory, sqlite } from "./families/embedded.ts";
import { kitOf } from "./families/kit-of.ts";

kitOf(file);
kitOf(memory);
kitOf(sqlite);
