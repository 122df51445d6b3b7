import { makeRandom } from "@resd/core";
import { Schema } from "effect";
import { assert, describe, it } from "vitest";
import { groupOf, isPort, takesArgument } from "./operations.ts";
import {
  LEVELS,
  Plan,
  distinctPlans,
  planText,
  plannedOperations,
  randomPlan,
  splitPlans,
  validationPlans,
} from "./plan.ts";

describe("randomPlan", () => {
  it("randomPlan() of every level gives a well-formed plan with three distinct inputs", () => {
    const isPlan = Schema.is(Plan);
    for (const level of LEVELS) {
      const random = makeRandom("plans", level);
      for (let i = 0; i < 500; i++) {
        const plan = randomPlan(random, level);
        assert.isTrue(isPlan(plan), planText(plan));
        assert.strictEqual(new Set(plan.inputs).size, 3);
      }
    }
  });

  it("randomPlan() of classic has two operations in 60 %, and groups in the proportion 2 : 2 : 1", () => {
    const random = makeRandom("shares");
    const groups = new Map<string, number>();
    let two = 0;
    let operations = 0;
    for (let i = 0; i < 5000; i++) {
      const { steps } = randomPlan(random, "classic");
      if (steps.length === 3) two++;
      for (const { operation } of steps.slice(0, -1)) {
        operations++;
        groups.set(groupOf(operation), (groups.get(groupOf(operation)) ?? 0) + 1);
      }
    }
    assert.closeTo(two / 5000, 0.6, 0.03);
    assert.closeTo((groups.get("arithmetic") ?? 0) / operations, 0.4, 0.03);
    assert.closeTo((groups.get("comparison") ?? 0) / operations, 0.4, 0.03);
    assert.closeTo((groups.get("transform") ?? 0) / operations, 0.2, 0.03);
  });

  it("randomPlan() of siblings has three distinct operations of one group, then a port", () => {
    const random = makeRandom("siblings");
    for (let i = 0; i < 500; i++) {
      const names = randomPlan(random, "siblings").steps.map((step) => step.operation);
      assert.strictEqual(names.length, 4);
      assert.strictEqual(new Set(names).size, 4);
      assert.strictEqual(new Set(names.slice(0, 3).map(groupOf)).size, 1);
    }
  });
});

describe("planText", () => {
  it("planText() numbers the lines by tens and leaves the inputs out", () => {
    const plan: Plan = {
      steps: [
        { operation: "square" },
        { operation: "subtract", argument: 3 },
        { operation: "screen" },
      ],
      inputs: [4, 0, 9],
    };
    assert.strictEqual(planText(plan), "10: square 20: subtract 3 30: screen");
    assert.deepStrictEqual(plannedOperations(planText(plan)), ["square", "subtract", "screen"]);
  });
});

describe("Plan", () => {
  it.each([
    ["no steps", []],
    ["no port", [{ operation: "square" }]],
    ["a port before the end", [{ operation: "disk" }, { operation: "disk" }]],
    ["a missing argument", [{ operation: "add" }, { operation: "disk" }]],
    ["an argument too many", [{ operation: "square", argument: 3 }, { operation: "disk" }]],
    ["a constant the chip has not", [{ operation: "add", argument: 5 }, { operation: "disk" }]],
    ["five lines", [..."1234"].map(() => ({ operation: "flip" })).concat({ operation: "disk" })],
  ])("Plan refuses %s", (_, steps) => {
    assert.isFalse(Schema.is(Plan)({ steps, inputs: [1, 2, 3] }));
  });
});

describe("distinctPlans", () => {
  it("distinctPlans() repeats no text, and a longer list begins with the shorter one", () => {
    for (const level of LEVELS) {
      const plans = distinctPlans(3, level, 300);
      assert.strictEqual(new Set(plans.map(planText)).size, 300);
      assert.deepStrictEqual(distinctPlans(3, level, 40), plans.slice(0, 40));
      assert.notDeepEqual(distinctPlans(4, level, 40), plans.slice(0, 40));
    }
  });

  it("distinctPlans() gives arguments to exactly the operations that take one", () => {
    for (const { steps } of distinctPlans(5, "classic", 200)) {
      for (const { operation, argument } of steps) {
        assert.strictEqual(argument !== undefined, takesArgument(groupOf(operation)));
      }
      assert.strictEqual(steps.filter((step) => isPort(step.operation)).length, 1);
    }
  });

  it("distinctPlans() throws when the level has no further plans", () => {
    assert.throws(
      () => distinctPlans(0, "siblings", 20_000),
      /Expected at most \d+ distinct plans/,
    );
  });
});

describe("splitPlans", () => {
  it("splitPlans() gives disjoint lists of the sizes asked for, neither of which depends on the other's", () => {
    for (const level of LEVELS) {
      const { train, heldOut } = splitPlans(6, level, { train: 256, heldOut: 64 });
      assert.deepStrictEqual([train.length, heldOut.length], [256, 64]);
      assert.strictEqual(new Set([...train, ...heldOut].map(planText)).size, 320);
      const other = splitPlans(6, level, { train: 3, heldOut: 100 });
      assert.deepStrictEqual(other.train, train.slice(0, 3));
      assert.deepStrictEqual(other.heldOut.slice(0, 64), heldOut);
    }
  });
});

describe("validationPlans", () => {
  it("validationPlans() gives plans that are neither to learn from nor to be tested on, whatever the sizes", () => {
    for (const level of LEVELS) {
      const validation = validationPlans(6, level, 64);
      const { train, heldOut } = splitPlans(6, level, { train: 4096, heldOut: 1024 });
      assert.strictEqual(new Set([...train, ...heldOut, ...validation].map(planText)).size, 5184);
      assert.deepStrictEqual(validationPlans(6, level, 3), validation.slice(0, 3));
    }
  });
});
