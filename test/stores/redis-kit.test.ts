import { redis } from "./families/redis.ts";
import { kitOf } from "./families/kit-of.ts";

kitOf(redis, ({ name }) => name === "one server");
