import { type Attempt, type Entry, type Mixture, type Reflection, noModelUse } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { attemptAt } from "./_attempt.ts";
import { makeWorld, smallConfig } from "./_world.ts";
import type { ResdConfig } from "./config.ts";
import type { ContextUpdate } from "./context_update.ts";
import type { Demonstration } from "./demonstration.ts";
import { presets } from "./presets.ts";
import { teach, teachingOf, trainSample } from "./teach.ts";

const lesson: Entry = {
  id: "misc-00001",
  section: "OTHERS",
  text: "lesson one",
  helpful: 0,
  harmful: 0,
  createdAt: 0,
  lastTaggedAt: 0,
};
const reflection: Reflection = { text: "because", tags: [], parse: "malformed" };
const peer: Demonstration = { source: "peer-solution", text: "yes" };

const attempt: Attempt = attemptAt("a", {
  actions: [{ content: "no", stop: "eos" }],
  results: [
    {
      observation: [],
      status: "terminated",
      reward: 0,
      success: false,
      tests: [{ id: "1", visibility: "public", status: "failed", input: "x" }],
      parse: "ok",
    },
  ],
  ids: Int32Array.of(5, 6, 7, 8, 9),
  from: 2,
  mask: Uint8Array.of(1, 0, 1),
  logProbs: Float32Array.of(-1, 0, -2),
});
const context: ContextUpdate = {
  views: new Map([["global", { version: 3, updateCount: 1, entries: [lesson] }]]),
  reflections: new Map([[attempt.id, reflection]]),
  curations: new Map(),
  use: { reflect: noModelUse, curate: noModelUse },
};
const sample = (
  changes: Partial<ResdConfig>,
  demonstration: Demonstration | undefined,
  maxContext = 200,
) => {
  const world = makeWorld({ maxContext });
  const config = smallConfig(changes);
  const teaching = teachingOf(attempt, config, context, demonstration);
  const judged = { success: false, solved: false, demonstration };
  return Effect.map(
    Effect.provide(teach(attempt, config, teaching, judged), world.layer),
    (taught) => {
      const made = trainSample(attempt, taught, config.objective, 1.5, 2);
      const ids = made.teacher?.ids.slice(0, made.teacher.from);
      return { ...made, prompt: ids === undefined ? undefined : world.textOf(ids) };
    },
  );
};
const all = smallConfig().sections;

describe("teach", () => {
  it.effect.each<[string, Partial<ResdConfig>, Demonstration | undefined, string]>([
    ["everything", {}, peer, "<pb> lesson one <try> no <fb> test x <ref> because <sol> yes"],
    [
      "no solution, when there is none",
      {},
      undefined,
      "<pb> lesson one <try> no <fb> test x <ref> because",
    ],
    [
      "no feedback beside a demonstration, as released",
      { feedbackBesideSolution: false },
      peer,
      "<pb> lesson one <try> no <ref> because <sol> yes",
    ],
    [
      "feedback, when there is no demonstration to hide it",
      { feedbackBesideSolution: false },
      undefined,
      "<pb> lesson one <try> no <fb> test x <ref> because",
    ],
    [
      "no playbook",
      { sections: { ...all, playbook: false } },
      undefined,
      "<try> no <fb> test x <ref> because",
    ],
    [
      "no attempt",
      { sections: { ...all, attempt: false } },
      undefined,
      "<pb> lesson one <fb> test x <ref> because",
    ],
    [
      "no feedback",
      { sections: { ...all, feedback: false } },
      undefined,
      "<pb> lesson one <try> no <ref> because",
    ],
    [
      "no reflection",
      { sections: { ...all, reflection: false } },
      peer,
      "<pb> lesson one <try> no <fb> test x <sol> yes",
    ],
    [
      "no solution",
      { sections: { ...all, solution: false } },
      peer,
      "<pb> lesson one <try> no <fb> test x <ref> because",
    ],
    [
      "no entries, when the run keeps no playbook",
      { playbook: "none" },
      undefined,
      "<try> no <fb> test x <ref> because",
    ],
  ])("teach() shows %s", ([, changes, demonstration, expected]) =>
    Effect.gen(function* () {
      const { prompt } = yield* sample(changes, demonstration);
      assert.strictEqual(prompt, `<task> say a ${expected} <prog>`);
    }),
  );

  it.effect("teach() leaves room for the student's own tokens and keeps every one of them", () =>
    Effect.gen(function* () {
      // Fourteen tokens of prompt and three of answer, in a context of sixteen: the entry has to go.
      const { teacher, prompt } = yield* sample({}, undefined, 16);
      assert.strictEqual(prompt, "<task> say a <try> no <fb> test x <ref> because <prog>");
      assert.deepEqual(teacher!.ids.slice(teacher!.from), Int32Array.of(7, 8, 9));
      assert.isAtMost(teacher!.ids.length, 16);
    }),
  );

  it.effect("teach() gives no teacher and no mask, when nothing fits", () =>
    Effect.gen(function* () {
      const made = yield* sample({}, undefined, 6);
      assert.strictEqual(made.signal, "none:overflow");
      assert.isUndefined(made.teacher);
      assert.deepEqual([...made.mask], [0, 0, 0]);
      assert.strictEqual(made.weight, 1.5);
    }),
  );

  it.effect("teach() masks observations and nothing else of a sample that teaches", () =>
    Effect.gen(function* () {
      const made = yield* sample({}, peer);
      assert.strictEqual(made.signal, "peer-solution");
      assert.deepEqual([...made.mask], [1, 0, 1]);
      assert.deepEqual([...made.behaviour], [-1, 0, -2]);
      assert.deepEqual(made.student, { ids: attempt.ids, from: 2 });
    }),
  );

  it.effect("teach() gives a mixture by outcome a teacher or a reward, one by share both", () =>
    Effect.gen(function* () {
      const mixture = (route: Mixture["route"]) => ({
        objective: {
          _tag: "Mixture" as const,
          distill: presets.kestrel.objective,
          reward: {
            _tag: "PolicyGradient" as const,
            shaping: "grpo" as const,
            clipLow: 0.2,
            clipHigh: 0.28,
            aggregation: "token-mean" as const,
          },
          route,
        },
      });
      const none = {
        playbook: true,
        attempt: true,
        feedback: false,
        reflection: false,
        solution: false,
      };
      const shares = mixture({ _tag: "share", lambda: 0.5 });
      const both = yield* sample(shares, peer);
      assert.isDefined(both.teacher);
      assert.strictEqual(both.advantage, 2);
      const paid = yield* sample({ ...shares, sections: none }, undefined);
      assert.strictEqual(paid.signal, "reward");
      assert.isUndefined(paid.teacher);
      assert.strictEqual(paid.advantage, 2);
      const byOutcome = yield* sample(mixture({ _tag: "outcome" }), peer);
      assert.isDefined(byOutcome.teacher);
      assert.isUndefined(byOutcome.advantage);
    }),
  );

  it.effect("teach() gives RLSD its teacher whatever there is to show, and GRPO none", () =>
    Effect.gen(function* () {
      const objective = (shaping: "grpo" | "rlsd") => ({
        objective: {
          _tag: "PolicyGradient" as const,
          shaping,
          clipLow: 0.2,
          clipHigh: 0.28,
          aggregation: "token-mean" as const,
        },
        sections: { ...all, playbook: false, attempt: false, feedback: false, reflection: false },
      });
      const rlsd = yield* sample(objective("rlsd"), undefined);
      assert.strictEqual(rlsd.prompt, "<task> say a <prog>");
      assert.strictEqual(rlsd.signal, "reward");
      const grpo = yield* sample(objective("grpo"), undefined);
      assert.isUndefined(grpo.teacher);
      assert.strictEqual(grpo.signal, "reward");
    }),
  );
});
