/** Sets of weights that can answer, and what is done with whole sets: naming, copying, measuring, moving. */
import type { Arr, ComputeError } from "@resd/core";
import { axpy, graph, input, lerp, sumSquares, type Tensor } from "@resd/tensor";
import { Effect } from "effect";
import { type Arrays, type ArraySpec, prefixed } from "./arrays.ts";
import { globalNorm, normNames } from "./optim/clip.ts";
import type { Programs } from "./programs.ts";
import { type WeightsHash, weightsHash } from "./version.ts";

/** The student's weights, or the teacher's. */
export interface Weights {
  /** Parameters by name, those below an adapter too. */
  readonly arrays: Arrays;
  /** Digest of their bits. */
  readonly version: string;
}

/** Operations on sets of trained weights of one model: all parameters, or an adapter. */
export interface WeightSets {
  /** The digest of a set; computed once per set, one tensor in host memory at a time. */
  readonly version: (arrays: Arrays) => Effect.Effect<string, ComputeError>;
  /** A set of its own with the same values. */
  readonly copy: (arrays: Arrays) => Effect.Effect<Arrays, ComputeError>;
  /** ‖a − b‖₂ over all parameters. */
  readonly distance: (a: Arrays, b: Arrays) => Effect.Effect<number, ComputeError>;
  /** from + rate·(to − from); spends `from`. */
  readonly towards: (from: Arrays, to: Arrays, rate: number) => Effect.Effect<Arrays, ComputeError>;
}

/**
 * Sets of the weights that `specs` name.
 *
 * @param startHash the hash that a version begins with: that of what lies below an adapter is part of its name
 */
export const makeWeightSets = (
  programs: Programs,
  specs: ReadonlyArray<ArraySpec>,
  startHash: () => WeightsHash = weightsHash,
): WeightSets => {
  const { compute } = programs;
  const versions = new WeakMap<Arrays, string>();
  const names = specs.map(({ name }) => name).toSorted();
  const each = (of: (spec: ArraySpec) => Tensor, prefix = ""): Record<string, Tensor> =>
    Object.fromEntries(specs.map((spec) => [prefix + spec.name, of(spec)]));
  const pair = ({ name, shape }: ArraySpec): readonly [Tensor, Tensor] => [
    input(`a/${name}`, shape),
    input(`b/${name}`, shape),
  ];

  return {
    version: Effect.fnUntraced(function* (arrays) {
      const known = versions.get(arrays);
      if (known !== undefined) return known;
      const hash = startHash();
      for (const name of names) hash.add(name, yield* compute.get(arrays[name] as Arr));
      const version = hash.digest();
      versions.set(arrays, version);
      return version;
    }),
    copy: Effect.fnUntraced(function* (arrays) {
      const program = yield* programs.get("weights/copy", () => ({
        graph: graph(
          each(({ name, shape }) => input(name, shape)),
          { name: "copy" },
        ),
      }));
      return (yield* program.run(arrays)).arrays;
    }),
    distance: Effect.fnUntraced(function* (a, b) {
      // Two primitives rather than a subtraction: backends fuse both.
      const minus = input("minus", [1]);
      const program = yield* programs.get("weights/distance", () => ({
        graph: graph(
          each((spec) => sumSquares(axpy(...pair(spec), minus)), "norm/"),
          { name: "distance" },
        ),
      }));
      const read = normNames(specs);
      const inputs = { ...prefixed("a/", a), ...prefixed("b/", b), minus: Float32Array.of(-1) };
      const { values } = yield* program.run(inputs, { read });
      return globalNorm(values, read);
    }),
    towards: Effect.fnUntraced(function* (from, to, rate) {
      const program = yield* programs.get("weights/towards", () => {
        const speed = input("rate", [1]);
        return {
          graph: graph(
            each((spec) => lerp(...pair(spec), speed)),
            { name: "towards" },
          ),
          options: { donate: specs.map(({ name }) => `a/${name}`) },
        };
      });
      const inputs = {
        ...prefixed("a/", from),
        ...prefixed("b/", to),
        rate: Float32Array.of(rate),
      };
      return (yield* program.run(inputs)).arrays;
    }),
  };
};
