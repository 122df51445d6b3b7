import { interpret } from "@resd/tensor";
import { assert, describe, it } from "vitest";
import { GOLDEN_TOLERANCE, goldenCases, goldenError } from "./golden.ts";

describe("goldenCases()", () => {
  for (const { name, graph, inputs, expected } of goldenCases()) {
    for (const precision of ["f64", "f32"] as const) {
      it(`give loss, per-token losses and gradient of ${name} in ${precision}`, () => {
        const outputs = interpret(graph, inputs, { precision });
        for (const [output, values] of Object.entries(expected)) {
          const error = goldenError(outputs[output] ?? [], values);
          assert.isBelow(error, GOLDEN_TOLERANCE[precision], output);
        }
      });
    }
  }
});
