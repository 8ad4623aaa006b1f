import { after, before, describe, test } from "node:test";
import { storeKit } from "../../../src/testing/store-kit.ts";
import { storeRules } from "../../../src/testing/store-rules.ts";
import { needs } from "../../servers/needs.ts";
import type { StoreFamily, StorePart } from "./family.ts";

/**
 * Registers the kit for every target of a family, with the servers that they need started before and stopped after.
 *
 * @param chosen which parts; default all. Files run beside each other, and so long ones are better two
 */
export function kitOf({ name: family, parts }: StoreFamily, chosen: (part: StorePart) => boolean = () => true): void {
  for (const { name, needs: required, targets, leftOut = {}, start, stop } of parts.filter(chosen)) {
    describe(`${family} keeps every rule of the kit: ${name}`, { skip: needs(...required) }, () => {
      if (start !== undefined) before(() => start());
      if (stop !== undefined) after(() => stop());
      const rules = storeRules.filter((rule) => !Object.hasOwn(leftOut, rule.name));
      for (const target of targets) storeKit(test, target, { rules });
    });
  }
}
