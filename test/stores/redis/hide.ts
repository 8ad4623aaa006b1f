import { registerHooks } from "node:module";

// Loaded with `--import`: makes packages as if they were not installed. Their names are in HIDDEN_PACKAGES, separated by commas.
const hidden = (process.env["HIDDEN_PACKAGES"] ?? "").split(",");
registerHooks({
  resolve(specifier, context, next) {
    if (!hidden.includes(specifier)) return next(specifier, context);
    throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: "ERR_MODULE_NOT_FOUND" });
  },
});
