import { isAbsolute, join } from "node:path";
import { rolldown } from "rolldown";
import { entriesOf, manifestOf } from "../check/manifest.ts";
import { groups } from "./chunks.ts";

/**
 * Writes the code of a project to `dist`: a file for each subpath and program, where package.json says, and what these share in
 * `chunks/`. Names and lines are kept, so that a stack trace can be read. Gives what went wrong.
 */
export async function bundle(root: string, dist: string): Promise<string[]> {
  const manifest = manifestOf(root);
  const codes = [...entriesOf(manifest).entries.map(({ code }) => code), ...Object.values(manifest.bin)];
  const stems = codes.map((path) => path.replace(/^(\.\/)?dist\//, "").replace(/\.js$/, ""));
  try {
    const built = await rolldown({
      input: Object.fromEntries(stems.map((stem) => [stem, join(root, "src", `${stem}.ts`)])),
      external: (id) => !id.startsWith(".") && !isAbsolute(id),
      platform: "node",
      tsconfig: false,
      transform: { target: "es2024" },
    });
    await built.write({
      dir: dist,
      format: "esm",
      entryFileNames: "[name].js",
      chunkFileNames: "chunks/[name].js",
      codeSplitting: { groups },
      // The declarations have the documentation, and the sources are in the package.
      comments: { jsdoc: false, annotation: true, legal: true },
      sourcemap: true,
      sourcemapExcludeSources: true,
      minify: false,
    });
    await built.close();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
