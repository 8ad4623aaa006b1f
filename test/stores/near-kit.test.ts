import { near } from "./families/near.ts";
import { kitOf } from "./families/kit-of.ts";

kitOf(near);
