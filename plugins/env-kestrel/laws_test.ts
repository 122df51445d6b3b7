import { environmentLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import type { TaskRow } from "@resd/core";
import { describe } from "vitest";
import * as kestrel from "./mod.ts";

/** The gold program with the last mnemonic replaced by another port, and with its last line missing. */
const nearMisses = (row: TaskRow<unknown>) => {
  const gold = row.gold?.content ?? "";
  const other = gold.endsWith("OUX") ? "WYN" : "OUX";
  return [gold.slice(0, -3) + other, gold.replace(/ \d0: \S+ \S+$/, "")].map((content) => ({
    content,
    stop: "eos" as const,
  }));
};

for (const level of ["classic", "siblings"] as const) {
  describe(`env-kestrel, ${level}`, () => {
    registerLaws(environmentLaws(kestrel, { level, seed: 1 }, { nearMisses }));
  });
}
