import { registerHooks } from "node:module";

// Opens a store from a URL as if the packages named behind it were not installed. ARGV: URL, packages.
const [url = "", ...absent] = process.argv.slice(2);
registerHooks({
  resolve(specifier, context, next) {
    if (!absent.includes(specifier)) return next(specifier, context);
    throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: "ERR_MODULE_NOT_FOUND" });
  },
});
const { redisStoreFromUrl } = await import("../../../src/stores/redis.ts");
const { outcomeOf, record } = await import("./support.ts");
const store = redisStoreFromUrl(url);
const session = record();
console.log(await outcomeOf(() => store.create(session)));
console.log(await outcomeOf(() => store.load(session.handle)));
await store.close();
