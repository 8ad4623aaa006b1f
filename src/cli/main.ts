#!/usr/bin/env node
import { Output } from "./output.ts";
import { run } from "./program.ts";

// What is still experimental in the runtime is no concern of who runs the program.
process.removeAllListeners("warning");
process.on("warning", (warning) => {
  if (warning.name !== "ExperimentalWarning") process.stderr.write(`${warning.name}: ${warning.message}\n`);
});

const out = new Output(process.stdout, process.env);
const err = new Output(process.stderr, process.env);

const code = await run(process.argv.slice(2), {
  cwd: process.cwd(),
  env: process.env,
  out,
  err,
  input: process.stdin,
  secrets: new Set(),
  onInterrupt,
});

function onInterrupt(listener: (signal: "SIGINT" | "SIGTERM") => void): () => void {
  let asked = false;
  const stop = (signal: "SIGINT" | "SIGTERM"): void => {
    if (asked) process.exit(signal === "SIGINT" ? 130 : 143);
    asked = true;
    listener(signal);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return () => void process.off("SIGINT", stop).off("SIGTERM", stop);
}

// Both outputs are written out by now. What a configuration left running (a pool, a timer) must not keep the program alive.
process.exit(code);
