import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Consumer, installed } from "../../scripts/check/consumer.ts";
import { pack } from "../../scripts/check/pack.ts";
import { must } from "../measure.ts";

/** An application that installed the built package, and beside it the other libraries. */
export async function applicationOf(root: string): Promise<Consumer> {
  const others = join(root, "bench/node_modules");
  must(existsSync(others), "The other libraries are missing: npm ci --prefix bench");
  const { tarball, problems } = await pack(root);
  must(problems.length === 0, problems.join("\n"));
  const consumer = await installed(root, tarball);
  must(consumer.problems.length === 0, consumer.problems.join("\n"));
  for (const name of packagesIn(others)) {
    const place = join(consumer.folder, "node_modules", name);
    if (existsSync(place)) continue;
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(others, name), place);
  }
  copyFileSync(new URL("probe.mjs", import.meta.url), join(consumer.folder, "probe.mjs"));
  return consumer;
}

function packagesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) => (name.startsWith("@") ? readdirSync(join(folder, name)).map((inner) => `${name}/${inner}`) : [name]));
}
