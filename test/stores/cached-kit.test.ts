import { cached } from "./families/cached.ts";
import { kitOf } from "./families/kit-of.ts";

kitOf(cached);
