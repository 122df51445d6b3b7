import { environmentLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { describe } from "vitest";
import * as plugin from "./sample_env.ts";

/** Answers that are almost right; the grader has to tell them from right ones. */
const nearMisses = (row: { readonly gold?: { readonly content: string } }) => [
  { content: `${row.gold?.content} + 1`, stop: "eos" as const },
];

describe("sample-env keeps the laws", () => {
  registerLaws(environmentLaws(plugin, {}, { nearMisses }));
});
