import { kysely } from "./families/kysely.ts";
import { kitOf } from "./families/kit-of.ts";

kitOf(kysely, ({ needs }) => needs.length === 0);
