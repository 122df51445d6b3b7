/** How each operation of the tensor graph reads in ONNX. One rule an operation; primitives without a rule are decomposed first. */
import { ELEMENTWISE_RULES } from "./elementwise.ts";
import { INDEXING_RULES, scatterIntoRule } from "./indexing.ts";
import { MOVEMENT_RULES } from "./movement.ts";
import { PRODUCT_RULES } from "./products.ts";
import { ropeRule } from "./rope.ts";
import { ROW_RULES } from "./rows.ts";
import type { Rule, SpecialRule } from "./rule.ts";

export const RULES: Readonly<Record<string, Rule>> = {
  ...ELEMENTWISE_RULES,
  ...ROW_RULES,
  ...MOVEMENT_RULES,
  ...PRODUCT_RULES,
  ...INDEXING_RULES,
};

/** Rules that may not apply, and are asked before any other. */
export const SPECIAL_RULES: Readonly<Record<string, SpecialRule>> = {
  rope: ropeRule,
  sub: scatterIntoRule,
};
