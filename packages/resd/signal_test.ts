import type { Objective, SignalReason, TeacherSections } from "@resd/core";
import { assert, describe, it } from "vitest";
import type { Demonstration } from "./demonstration.ts";
import { presets } from "./presets.ts";
import { signalOf, usesTeacher } from "./signal.ts";

const distill: Objective = presets.kestrel.objective;
const gradient = (shaping: "grpo" | "rlsd"): Objective => ({
  _tag: "PolicyGradient",
  shaping,
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: "token-mean",
});
const shown = (sections: Partial<TeacherSections>): TeacherSections => ({
  playbook: [],
  ...sections,
});
const from = (source: Demonstration["source"]): Demonstration => ({ source, text: "x" });

describe("signalOf", () => {
  it.each<[SignalReason, boolean, Demonstration | undefined, Partial<TeacherSections>]>([
    ["own-solution", true, from("own-solution"), { attempt: "x", feedback: "pass", solution: "x" }],
    [
      "peer-solution",
      false,
      from("peer-solution"),
      { reflection: "r", feedback: "f", solution: "x" },
    ],
    ["buffered-solution", false, from("buffered-solution"), { reflection: "r", solution: "x" }],
    ["reflection", false, undefined, { attempt: "y", reflection: "r", feedback: "f" }],
    ["reflection", false, from("buffered-solution"), { reflection: "r" }],
    ["feedback", false, undefined, { attempt: "y", feedback: "f" }],
    ["none:no-teacher", true, undefined, { attempt: "x", feedback: "pass" }],
    ["none:no-teacher", false, undefined, { attempt: "y" }],
  ])(
    "signalOf() is %s, for success %s with demonstration %o and sections %o",
    (reason, success, demonstration, sections) => {
      const all = shown(sections);
      assert.strictEqual(signalOf(distill, success, demonstration, all, all), reason);
    },
  );

  it("signalOf() is none:overflow, when what taught had no room", () => {
    const wanted = shown({ reflection: "r" });
    assert.strictEqual(signalOf(distill, false, undefined, wanted, shown({})), "none:overflow");
    assert.strictEqual(signalOf(distill, false, undefined, wanted, undefined), "none:overflow");
  });

  it("signalOf() names what is left, when only a part had no room", () => {
    const wanted = shown({ reflection: "r", feedback: "f" });
    const reason = signalOf(distill, false, undefined, wanted, shown({ feedback: "f" }));
    assert.strictEqual(reason, "feedback");
  });

  it("signalOf() is none:no-teacher rather than overflow, when there was nothing to teach", () => {
    assert.strictEqual(signalOf(distill, true, undefined, shown({}), undefined), "none:no-teacher");
  });

  it("signalOf() is reward, for policy gradients", () => {
    assert.strictEqual(
      signalOf(gradient("grpo"), false, undefined, shown({}), undefined),
      "reward",
    );
  });
});

describe("usesTeacher", () => {
  it("usesTeacher() holds for distillation and RLSD, not for GRPO", () => {
    assert.isTrue(usesTeacher(distill));
    assert.isTrue(usesTeacher(gradient("rlsd")));
    assert.isFalse(usesTeacher(gradient("grpo")));
  });
});
