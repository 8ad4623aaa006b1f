import { unstorage } from "./families/bridges.ts";
import { kitOf } from "./families/kit-of.ts";

kitOf(unstorage);
