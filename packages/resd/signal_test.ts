import type { Mixture, PolicyGradient, SignalReason, TeacherSections } from "@resd/core";
import { assert, describe, it } from "vitest";
import type { Demonstration } from "./demonstration.ts";
import { presets } from "./presets.ts";
import { type Judged, signalOf, usesTeacher } from "./signal.ts";

const distill = presets.kestrel.objective;
const gradient = (shaping: "grpo" | "rlsd"): PolicyGradient => ({
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
const failed: Judged = { success: false, solved: false };
const solved: Judged = { success: true, solved: true };
const mixture = (route: Mixture["route"]["_tag"]): Mixture => ({
  _tag: "Mixture",
  distill,
  reward: gradient("grpo"),
  route: route === "share" ? { _tag: "share", lambda: 0.5 } : { _tag: "outcome" },
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
      const judged = { success, solved: success, demonstration };
      assert.strictEqual(signalOf(distill, judged, all, all), reason);
    },
  );

  it("signalOf() is none:overflow, when what taught had no room", () => {
    const wanted = shown({ reflection: "r" });
    assert.strictEqual(signalOf(distill, failed, wanted, shown({})), "none:overflow");
    assert.strictEqual(signalOf(distill, failed, wanted, undefined), "none:overflow");
  });

  it("signalOf() names what is left, when only a part had no room", () => {
    const wanted = shown({ reflection: "r", feedback: "f" });
    const reason = signalOf(distill, failed, wanted, shown({ feedback: "f" }));
    assert.strictEqual(reason, "feedback");
  });

  it("signalOf() is none:no-teacher rather than overflow, when there was nothing to teach", () => {
    assert.strictEqual(signalOf(distill, solved, shown({}), undefined), "none:no-teacher");
  });

  it("signalOf() is reward, for policy gradients", () => {
    assert.strictEqual(signalOf(gradient("grpo"), failed, shown({}), undefined), "reward");
  });

  it.each<[SignalReason, string, Mixture["route"]["_tag"], Judged, Partial<TeacherSections>]>([
    ["reflection", "a failure with one, by outcome", "outcome", failed, { reflection: "r" }],
    ["reward", "a failure without a lesson, by outcome", "outcome", failed, {}],
    [
      "reward",
      "a solved attempt, by outcome, whatever there is to show",
      "outcome",
      { ...solved, demonstration: from("own-solution") },
      { solution: "x" },
    ],
    [
      "own-solution",
      "a solved attempt, by share",
      "share",
      { ...solved, demonstration: from("own-solution") },
      { solution: "x" },
    ],
    [
      "reward",
      "a solved attempt without a lesson, by share",
      "share",
      solved,
      { feedback: "pass" },
    ],
  ])("signalOf() of a mixture is %s, for %s", (reason, _, route, judged, sections) => {
    const all = shown(sections);
    assert.strictEqual(signalOf(mixture(route), judged, all, all), reason);
  });

  it("signalOf() of a mixture falls back to the reward, when the lesson had no room", () => {
    const wanted = shown({ reflection: "r" });
    assert.strictEqual(signalOf(mixture("share"), failed, wanted, undefined), "reward");
  });
});

describe("usesTeacher", () => {
  it("usesTeacher() holds for distillation, mixtures and RLSD, not for GRPO or cross-entropy", () => {
    assert.isTrue(usesTeacher(distill));
    assert.isTrue(usesTeacher(mixture("outcome")));
    assert.isFalse(usesTeacher({ _tag: "CrossEntropy", aggregation: "token-mean" }));
    assert.isTrue(usesTeacher(gradient("rlsd")));
    assert.isFalse(usesTeacher(gradient("grpo")));
  });
});
