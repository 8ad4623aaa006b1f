import { readArguments, refusePositionals, STORE_OPTIONS } from "../args.ts";
import type { Command, Context, OptionTable } from "../context.ts";
import { cookieCheck } from "../doctor/cookie.ts";
import { databaseCheck, filesCheck } from "../doctor/files.ts";
import type { Finding, Severity } from "../doctor/findings.ts";
import { lifetimesCheck } from "../doctor/lifetimes.ts";
import { sampleCheck } from "../doctor/sample.ts";
import { storageCheck } from "../doctor/storage.ts";
import { admit, type Check, type Subject } from "../doctor/subject.ts";
import { isStateless } from "../../core/store.ts";
import { escapeText } from "../escape.ts";
import { EXIT } from "../exit.ts";
import { wrap } from "../help.ts";
import { printJson } from "../json.ts";
import { counted } from "../moments.ts";
import type { Style } from "../style.ts";
import { type Choice, chooseStore } from "../target.ts";

const OPTIONS = { ...STORE_OPTIONS } as const satisfies OptionTable;

const CHECKS: readonly Check[] = [cookieCheck, lifetimesCheck, storageCheck, filesCheck, databaseCheck, sampleCheck];
const ORDER: readonly Severity[] = ["error", "warning", "note"];

/** `sojourn doctor`: checks a configuration and its store. */
export const doctorCommand: Command = {
  name: "doctor",
  summary: "Check the configuration and the store, and say what to fix",
  usage: ["sojourn doctor"],
  details: [
    "Set NODE_ENV=production to have it judged as the application will run. It changes nothing. Exit code 1 when there is an error among " +
      "the findings; warnings and notes leave it 0.",
  ],
  options: OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, OPTIONS);
    refusePositionals(positionals, "doctor");
    const choice = await chooseStore(ctx, options);
    const examination = await examine(ctx, choice);
    if (options.json) await printExaminationJson(ctx, choice, examination);
    else await printExamination(ctx, choice, examination);
    return examination.findings.some(({ severity }) => severity === "error") ? EXIT.failed : EXIT.ok;
  },
};

interface Examination {
  readonly findings: readonly Finding[];
  readonly checked: readonly string[];
  readonly skipped: readonly { readonly check: string; readonly reason: string }[];
}

async function examine(ctx: Context, choice: Choice): Promise<Examination> {
  const { subject, findings } = await admit(ctx, choice);
  const found = [...findings];
  const checked: string[] = [];
  const skipped: { check: string; reason: string }[] = [];
  try {
    for (const { name, run } of CHECKS) {
      const result = subject === null ? "the configuration cannot work" : await run(subject);
      if (typeof result === "string") {
        skipped.push({ check: name, reason: result });
      } else {
        checked.push(name);
        found.push(...result);
      }
    }
  } finally {
    await dismiss(subject, choice);
  }
  const ordered = ORDER.flatMap((severity) => found.filter((one) => one.severity === severity));
  return { findings: ordered, checked, skipped };
}

async function dismiss(subject: Subject | null, { configuration }: Choice): Promise<void> {
  const store = subject?.store;
  if (store !== undefined && store !== null && !isStateless(store)) await store.close?.();
  const theirs = configuration?.sessions;
  if (theirs !== undefined && theirs.store !== store) await theirs.close();
}

function printExaminationJson(
  ctx: Context,
  { by, label }: Choice,
  { findings, checked, skipped }: Examination,
): Promise<void> {
  const ok = !findings.some(({ severity }) => severity === "error");
  return printJson(ctx.out, {
    ok,
    store: label,
    chosenBy: by,
    findings: [...findings],
    checked: [...checked],
    skipped: [...skipped],
  });
}

async function printExamination(
  ctx: Context,
  { by, label }: Choice,
  { findings, checked, skipped }: Examination,
): Promise<void> {
  const { out } = ctx;
  const { style } = out;
  const widest = "warning".length;
  await out.line(`${style.bold(escapeText(label))}  ${style.dim(`chosen by ${by}`)}\n`);
  for (const { severity, code, title, detail, fix } of findings) {
    const indent = " ".repeat(widest + 2);
    await out.line(`${painted(severity, style)(severity.padEnd(widest))}  ${style.bold(code)}`);
    await out.line(wrap(escapeText(`${title}.${detail === undefined ? "" : ` ${detail}`}`), out, indent).join("\n"));
    const [first = "", ...rest] = wrap(fix, out, `${indent}     `);
    await out.line(`${indent}${style.green("fix")}  ${first.trimStart()}${rest.map((line) => `\n${line}`).join("")}\n`);
  }
  if (checked.length > 0) await out.line(`${style.dim("checked")}  ${checked.join(", ")}`);
  for (const { check, reason } of skipped) await out.line(`${style.dim("skipped")}  ${check}: ${reason}`);
  const [errors = 0, warnings = 0, notes = 0] = ORDER.map(
    (severity) => findings.filter((one) => one.severity === severity).length,
  );
  const sum = [counted(errors, "error"), counted(warnings, "warning"), counted(notes, "note")].join(", ");
  await out.line(`\n${errors > 0 ? style.red(sum) : style.green(sum)}`);
}

function painted(severity: Severity, style: Style): (text: string) => string {
  if (severity === "error") return style.red;
  return severity === "warning" ? style.yellow : style.blue;
}
