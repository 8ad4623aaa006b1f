import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, release } from "node:os";

const FOLDER = new URL("results/", import.meta.url);
/** In which order the parts stand on the page; what is not named comes last. */
const ORDER = ["http", "races", "processes", "growth", "sweep", "commands", "micro", "startup", "sizes", "server-cost"];

/** The machine and what runs on it, in a line. */
export function environment() {
  const model = cpus()[0]?.model.trim();
  return `Node.js ${process.version}, ${cpus().length} × ${model === undefined || model === "" ? arch() : model}, Linux ${release()}`;
}

/**
 * Keeps what a program measured as `results/NAME.json`, and makes RESULTS.md anew of all that was kept.
 *
 * @param name the program's
 * @param part its heading, its text as Markdown (headings from `###` on), and its figures, any JSON
 */
export function publish(name, { title, markdown, figures }) {
  mkdirSync(FOLDER, { recursive: true });
  const part = { title, date: new Date().toISOString().slice(0, 10), environment: environment(), markdown, figures };
  writeFileSync(new URL(`${name}.json`, FOLDER), `${JSON.stringify(part, null, 2)}\n`);
  const rank = (each) => (ORDER.includes(each) ? ORDER.indexOf(each) : ORDER.length);
  const names = readdirSync(FOLDER)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))
    .toSorted((a, b) => rank(a) - rank(b));
  const sections = names.map((each) => {
    const kept = JSON.parse(readFileSync(new URL(`${each}.json`, FOLDER), "utf8"));
    return `## ${kept.title}\n\n${kept.environment}; ${kept.date}.\n\n${kept.markdown.trim()}\n`;
  });
  const head = "# Results\n\nMade by the programs of [this folder](README.md); each part says where and when.\n";
  writeFileSync(new URL("RESULTS.md", import.meta.url), [head, ...sections].join("\n"));
  format("bench/RESULTS.md", `bench/results/${name}.json`);
}

/** As the project's other files are. */
function format(...files) {
  const root = new URL("..", import.meta.url);
  try {
    execFileSync(new URL("node_modules/.bin/oxfmt", root).pathname, files, { cwd: root, stdio: "ignore" });
  } catch {
    process.stderr.write(`Format ${files.join(" and ")}: npm run check -- format --update\n`);
  }
}
