import { memcached } from "./families/memcached.ts";
import { kitOf } from "./families/kit-of.ts";

kitOf(memcached);
