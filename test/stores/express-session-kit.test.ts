import { expressSession } from "./families/bridges.ts";
import { kitOf } from "./families/kit-of.ts";

kitOf(expressSession);
