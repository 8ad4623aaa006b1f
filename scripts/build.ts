import { join } from "node:path";
import { build } from "./build/build.ts";

// `npm run build`: writes dist/ anew.
const problems = await build(join(import.meta.dirname, ".."));
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
