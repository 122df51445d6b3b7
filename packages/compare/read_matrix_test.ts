import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { matrixFrom, planningServices } from "./_planning.ts";
import { type MatrixVariant, isSweep } from "./read_matrix.ts";

const read = (files: Readonly<Record<string, unknown>>) =>
  Effect.provide(matrixFrom(files), planningServices);

const refusal = (files: Readonly<Record<string, unknown>>) =>
  Effect.map(Effect.flip(read(files)), ({ message }) => message);

/** What the parts of a variant say, from the ground up; a sweep has a list of settings. */
const valuesOf = ({ parts }: MatrixVariant) =>
  parts.map((part) => (isSweep(part) ? part.settings : part.values));

const base = {
  seeds: [1, 2],
  tuning: { seeds: [100, 101] },
  config: { "resd.updates": 10, resd: { lr: 1 } },
  variants: [
    {
      name: "a",
      config: { "resd.lr": 2 },
      sweep: [{ "resd.lr": 3 }, { "resd.lr": 4, "resd.batchSize": 5 }],
    },
    { name: "b", like: "a", variant: "no-playbook", config: { "resd.alpha": 6 } },
  ],
};

describe("readMatrix()", () => {
  it.effect("readMatrix() lays variants over the protocol, and sweeps where they belong", () =>
    Effect.gen(function* () {
      const { variants, seeds, thresholds, threads, tuning } = yield* read({ "m.json": base });
      assert.deepStrictEqual([seeds, thresholds, threads], [[1, 2], [0.3, 0.5], 1]);
      assert.deepStrictEqual(tuning, { seeds: [100, 101], threshold: 0.5, config: {} });
      const [a, b] = variants;
      const protocol = [
        { compute: { use: "onnx", options: { threads: 1 } }, trackers: [] },
        { resd: { updates: 10, lr: 1 } },
      ];
      const settings = [{ resd: { lr: 3 } }, { resd: { lr: 4, batchSize: 5 } }];
      assert.deepStrictEqual(valuesOf(a!), [...protocol, { resd: { lr: 2 } }, settings]);
      assert.deepStrictEqual(valuesOf(b!), [
        ...protocol,
        { resd: { lr: 2 } },
        settings,
        { variant: "no-playbook", resd: { alpha: 6 } },
      ]);
    }),
  );

  it.effect("readMatrix() takes from the file that it extends what it does not say itself", () =>
    Effect.gen(function* () {
      const matrix = yield* read({
        "child.json": {
          extends: "base.json",
          seeds: [7],
          config: { "resd.updates": 20 },
          variants: ["b", { name: "a", like: "a", config: { "resd.lr": 9 } }],
        },
        "base.json": { ...base, title: "The base", thresholds: [0.9] },
      });
      assert.deepStrictEqual([matrix.seeds, matrix.thresholds], [[7], [0.9]]);
      assert.strictEqual(matrix.title, "child");
      const [b, a] = matrix.variants;
      assert.deepStrictEqual([b!.name, a!.name], ["b", "a"]);
      assert.deepStrictEqual(
        valuesOf(a!).filter((values) => !Array.isArray(values)),
        [
          { compute: { use: "onnx", options: { threads: 1 } }, trackers: [] },
          { resd: { updates: 10, lr: 1 } },
          { resd: { updates: 20 } },
          { resd: { lr: 2 } },
          { resd: { lr: 9 } },
        ],
      );
      assert.isTrue(a!.parts.some(isSweep));
    }),
  );

  it.effect("readMatrix() reads TypeScript too", () =>
    Effect.gen(function* () {
      const matrix = yield* read({
        "m.ts": `export default { seeds: [1], variants: [0.1, 0.2].map((rate) => ({ name: \`lr \${rate}\`, config: { "resd.lr": rate } })) };`,
      });
      assert.deepStrictEqual(
        matrix.variants.map(({ name }) => name),
        ["lr 0.1", "lr 0.2"],
      );
    }),
  );

  it.effect("readMatrix() names the nearest key, variant and name in a claim", () =>
    Effect.gen(function* () {
      const one = { name: "alpha" };
      assert.match(
        yield* refusal({ "m.json": { seed: [1], variants: [one] } }),
        /got seed, at .*m\.json; did you mean seeds\?/,
      );
      assert.match(
        yield* refusal({ "m.json": { seeds: [1], variants: [{ name: "b", lik: "alpha" }] } }),
        /did you mean variants\.0\.like\?/,
      );
      assert.match(
        yield* refusal({ "m.json": { seeds: [1], variants: [one, { name: "b", like: "alpa" }] } }),
        /got alpa, at like of b .*did you mean alpha\?/,
      );
      assert.match(
        yield* refusal({
          "m.json": {
            seeds: [1],
            variants: [one, { name: "beta" }],
            claims: [{ text: "alpha is above", above: ["alpha", "bet"] }],
          },
        }),
        /got bet, in the claim "alpha is above" .*did you mean beta\?/,
      );
      assert.match(
        yield* refusal({
          "m.json": { extends: "base.json", variants: ["c"] },
          "base.json": base,
        }),
        /Expected the name of a variant of .*base\.json, got c, .*choose one of a, b|did you mean/,
      );
    }),
  );

  it.effect("readMatrix() keeps tuning seeds apart from results, and at 100 or above", () =>
    Effect.gen(function* () {
      assert.match(
        yield* refusal({ "m.json": { ...base, tuning: { seeds: [99] } } }),
        /greater than or equal to 100, got 99, at tuning\.seeds\.0/,
      );
      assert.match(
        yield* refusal({ "m.json": { ...base, seeds: [100] } }),
        /apart from the seeds of the comparison, got 100 in both/,
      );
      const { tuning: _, ...untuned } = base;
      assert.match(yield* refusal({ "m.json": untuned }), /Expected tuning seeds for the sweeps/);
    }),
  );

  it.effect("readMatrix() refuses files that are missing, broken, or extend each other", () =>
    Effect.gen(function* () {
      assert.match(yield* refusal({ "m.json": "{" }), /Expected JSON, got what does not parse/);
      assert.match(yield* refusal({ "m.json": "[]" }), /Expected an object with variants/);
      assert.match(
        yield* refusal({
          "m.json": { extends: "n.json", variants: ["a"] },
          "n.json": { extends: "m.json", variants: ["a"] },
        }),
        /twice in a row of extensions/,
      );
      assert.match(
        yield* refusal({ "m.json": { extends: "none.json", variants: ["a"] } }),
        /Expected a matrix file, got no such file/,
      );
      const after = { variant: "b", folderAs: "playbook.options.run" };
      assert.match(
        yield* refusal({
          "m.json": { seeds: [1], variants: [{ name: "a", after }, { name: "b" }] },
        }),
        /Expected the name of a variant above it, got b, at after of a/,
      );
      assert.match(
        yield* refusal({ "m.json": { seeds: [1], variants: [{ name: "a" }, { name: "a" }] } }),
        /got a twice/,
      );
    }),
  );
});
