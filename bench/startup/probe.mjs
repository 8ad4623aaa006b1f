// node probe.mjs time|modules SPECIFIER …: loads what an application would, and says how long it took or what it brought along.
import { statSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

const [mode, ...specifiers] = process.argv.slice(2);
const files = new Set();
const builtins = new Set();
if (mode === "modules") {
  registerHooks({
    load(url, context, next) {
      if (url.startsWith("file:")) files.add(url);
      else if (url.startsWith("node:")) builtins.add(url);
      return next(url, context);
    },
  });
}
const internals = process.moduleLoadList.length;
const began = performance.now();
for (const specifier of specifiers) await import(specifier);
const milliseconds = performance.now() - began;
// The system brings a thread's account up to date when it rests.
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.01);
const { user, system } = process.cpuUsage();
let bytes = 0;
for (const url of files) bytes += statSync(fileURLToPath(url)).size;
const internal = process.moduleLoadList.length - internals;
process.stdout.write(
  JSON.stringify({
    milliseconds,
    processor: (user + system) / 1000,
    modules: files.size,
    bytes,
    internal,
    builtins: [...builtins],
  }),
);
