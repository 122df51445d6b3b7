import type { TaskRow } from "@resd/core";
import { environmentLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { describe } from "vitest";
import { OTHER_FAMILIES } from "./criteria/mod.ts";
import * as manufactoria from "./mod.ts";

/** The gold program with every way to its end cut off, and one that accepts every tape as it is. */
const nearMisses = (row: TaskRow<unknown>) =>
  [
    (row.gold?.content ?? "").replaceAll(/(?<=\n {4}\S+ )end$/gm, "NONE"),
    "```\nSTART start:\n    NEXT end\nEND end\n```",
  ].map((content) => ({ content, stop: "eos" as const }));

describe("env-manufactoria", () => registerLaws(environmentLaws(manufactoria, {}, { nearMisses })));

describe("env-manufactoria, the other families", () =>
  registerLaws(
    environmentLaws(manufactoria, { families: OTHER_FAMILIES }, { nearMisses, samples: 8 }),
  ));
