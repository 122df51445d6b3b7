import { type GenerateRequest, type Objective, Policy, type TrainSample } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { makeScriptedPolicy, scriptedPolicy } from "./scripted_policy.ts";

const sampling = { temperature: 1, topP: 1, topK: 0, maxTokens: 100, stop: [] };
const objective: Objective = { _tag: "CrossEntropy", aggregation: "token-mean" };
const request = (prompt: Int32Array, more: Partial<GenerateRequest> = {}): GenerateRequest => ({
  id: "r",
  prompt,
  seed: 0,
  sampling,
  as: "student",
  ...more,
});

describe("scriptedPolicy", () => {
  it.effect("scriptedPolicy() answers from the prompt, the same every time", () =>
    Effect.gen(function* () {
      const policy = yield* Policy;
      const prompt = yield* policy.encode([{ control: "<task>" }, { text: "añb" }]);
      const twice = yield* policy.generate([request(prompt), request(prompt, { as: "teacher" })]);
      assert.strictEqual(policy.decode(twice[0]!.ids), "<task>añb!");
      assert.strictEqual(twice[0]!.stop, "eos");
      assert.deepStrictEqual(twice[0]!.ids, twice[1]!.ids);
      const [score] = yield* policy.score([{ ids: twice[0]!.ids, from: 0, as: "student" }]);
      assert.deepStrictEqual(score!.logProbs, twice[0]!.logProbs);
    }).pipe(Effect.provide(scriptedPolicy({ replies: ({ prompt }) => `${prompt}!` }))),
  );

  it.effect("generate() stops at stop strings and at the limit", () =>
    Effect.gen(function* () {
      const policy = makeScriptedPolicy({ replies: () => "one; two; three" });
      const prompt = yield* policy.encode([{ text: "go" }]);
      const [stopped, cut] = yield* policy.generate([
        request(prompt, { sampling: { ...sampling, stop: ["three", "; "] } }),
        request(prompt, { sampling: { ...sampling, maxTokens: 7 } }),
      ]);
      assert.deepStrictEqual(
        [policy.decode(stopped!.ids), stopped!.stop],
        ["one; ", "stop_string"],
      );
      assert.deepStrictEqual([policy.decode(cut!.ids), cut!.stop], ["one; tw", "max_tokens"]);
      assert.deepStrictEqual(policy.calls(), {
        generate: 1,
        score: 0,
        update: 0,
        save: 0,
        load: 0,
      });
      assert.strictEqual(policy.requests()[1]?.text, "go");
    }),
  );

  it.effect(
    "update() records batches, changes the student's version, and refuses broken samples",
    () =>
      Effect.gen(function* () {
        const policy = makeScriptedPolicy({ replies: () => "" });
        const sample: TrainSample = {
          id: "a",
          student: { ids: Int32Array.of(1, 2, 3), from: 1 },
          teacher: { ids: Int32Array.of(9, 9, 2, 3), from: 2 },
          mask: Uint8Array.of(1, 0),
          weight: 1,
          behaviour: new Float32Array(2),
          signal: "feedback",
        };
        const before = yield* policy.version("student");
        assert.strictEqual(before, yield* policy.version("teacher"));
        const report = yield* policy.update([sample], objective, { lr: 0.5 });
        assert.notStrictEqual(report.policyVersion, before);
        assert.strictEqual(report.policyVersion, yield* policy.version("student"));
        assert.strictEqual(before, yield* policy.version("teacher"));
        assert.strictEqual(report.samples[0]?.tokens, 1);
        assert.deepStrictEqual(policy.updates(), [
          { batch: [sample], objective, step: { lr: 0.5 } },
        ]);

        const other = { ...sample, teacher: { ids: Int32Array.of(9, 2, 4), from: 1 } };
        const error = yield* Effect.flip(policy.update([other], objective, { lr: 1 }));
        assert.strictEqual(error.reason, "bad-request");
        assert.include(error.message, "different suffixes, at sample a");
        const short = { ...sample, mask: new Uint8Array(1) };
        const second = yield* Effect.flip(policy.update([short], objective, { lr: 1 }));
        assert.include(second.message, "Expected 2 mask and behaviour values, got 1 and 2");
        assert.strictEqual(policy.updates().length, 1);
      }),
  );
});
