/** Optimizers: rules over parameters, compiled to one program whose state stays on the backend. */
import type { Arr, ComputeError } from "@resd/core";
import { graph, sizeOf, type Tensor } from "@resd/tensor";
import { Effect, Schema } from "effect";
import { type Arrays, type ArraySpec, getArrays, putArrays, releaseArrays } from "../arrays.ts";
import type { Programs } from "../programs.ts";
import { ADAMW_DEFAULTS, adamwRule } from "./adamw.ts";
import { MUON_DEFAULTS, muonRule } from "./muon.ts";
import type { OptimizerRule, StepSize } from "./rule.ts";

const decay = Schema.Finite.check(
  Schema.isBetween({ minimum: 0, maximum: 1, exclusiveMaximum: true }),
);
const notNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0));

/** AdamW on every parameter; see adamw.ts. Absent settings are `ADAMW_DEFAULTS`. */
export const AdamW = Schema.TaggedStruct("AdamW", {
  betas: Schema.optionalKey(Schema.Tuple([decay, decay])),
  eps: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThan(0))),
  weightDecay: Schema.optionalKey(notNegative),
});

/** Muon on hidden matrices, AdamW without decay on the rest; see muon.ts. Absent settings are `MUON_DEFAULTS`. */
export const Muon = Schema.TaggedStruct("Muon", {
  rateRatio: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThan(0))),
  momentum: Schema.optionalKey(decay),
  weightDecay: Schema.optionalKey(notNegative),
  rest: Schema.optionalKey(AdamW),
});

/** An optimizer as data, part of a run's configuration. */
export const OptimizerOptions = Schema.Union([AdamW, Muon]);
export type OptimizerOptions = typeof OptimizerOptions.Type;

/** A parameter, and whether Muon may take it. */
export interface TrainableSpec extends ArraySpec {
  readonly matrix: boolean;
}

/** Everything an optimizer needs to go on: number of steps taken, and its tensors as `slot/parameter`. */
export interface OptimizerState {
  readonly steps: number;
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

/** An optimizer whose state lives on the backend until its scope ends. */
export interface Optimizer {
  /**
   * One step. Spends the handles of `parameters` and `gradients` (names without prefix) and gives the new parameters.
   */
  readonly step: (
    parameters: Arrays,
    gradients: Arrays,
    size: StepSize,
  ) => Effect.Effect<Arrays, ComputeError>;
  readonly state: Effect.Effect<OptimizerState, ComputeError>;
  /** Takes over a saved state; tensors that it lacks start at zero, as at the first step. */
  readonly restore: (state: OptimizerState) => Effect.Effect<void, ComputeError>;
  /** Gives the state's memory back; the optimizer is of no use afterwards. */
  readonly release: Effect.Effect<void, ComputeError>;
}

const adamwOptions = ({ _tag, ...options }: typeof AdamW.Type) => ({
  ...ADAMW_DEFAULTS,
  ...options,
});

/** The rules of an optimizer: each parameter is covered by exactly one. */
const rulesOf = (
  options: OptimizerOptions,
  parameters: ReadonlyArray<TrainableSpec>,
): ReadonlyArray<OptimizerRule> => {
  if (options._tag === "AdamW") return [adamwRule(parameters, adamwOptions(options))];
  const { _tag, rest = { _tag: "AdamW" }, ...muon } = options;
  const matrices = parameters.filter((spec) => spec.matrix);
  const others = parameters.filter((spec) => !spec.matrix);
  return [
    ...(matrices.length > 0 ? [muonRule(matrices, { ...MUON_DEFAULTS, ...muon })] : []),
    ...(others.length > 0 ? [adamwRule(others, adamwOptions(rest))] : []),
  ];
};

/** An optimizer over `parameters` with its state at zero; memory for it is taken at the first step. */
export const makeOptimizer = (
  programs: Programs,
  parameters: ReadonlyArray<TrainableSpec>,
  options: OptimizerOptions,
): Effect.Effect<Optimizer> =>
  Effect.sync(() => {
    const { compute } = programs;
    const rules = rulesOf(options, parameters);
    const slots: ReadonlyArray<ArraySpec> = rules.flatMap((rule) =>
      rule.slots.flatMap((slot) =>
        rule.parameters.map(({ name, shape }) => ({ name: `${slot}/${name}`, shape })),
      ),
    );
    const zeros = ({ shape }: ArraySpec): Float32Array => new Float32Array(sizeOf(shape));
    let steps = 0;
    let state: Arrays = {};
    const fill = (tensors: OptimizerState["tensors"]) =>
      putArrays(compute, slots, (spec) => tensors.get(spec.name) ?? zeros(spec));
    const isSlot = new Set(slots.map(({ name }) => name));

    const program = programs.get(`optimizer/${JSON.stringify(options)}`, () => {
      const outputs: Record<string, Tensor> = Object.assign(
        {},
        ...rules.map((rule) => rule.build()),
      );
      const step = graph(outputs, { name: `optimizer ${options._tag}` });
      const donate = step.inputs
        .map(({ name }) => name)
        .filter((name) => /^(p|g)\//.test(name) || isSlot.has(name));
      return { graph: step, options: { donate } };
    });

    return {
      step: Effect.fnUntraced(function* (current, gradients, size) {
        if (Object.keys(state).length === 0) state = yield* fill(new Map());
        const inputs: Record<string, Arr | Float32Array> = { ...state };
        for (const { name } of parameters) {
          inputs[`p/${name}`] = current[name] as Arr;
          inputs[`g/${name}`] = gradients[name] as Arr;
        }
        for (const rule of rules) Object.assign(inputs, rule.feeds(steps + 1, size));
        const { arrays } = yield* (yield* program).run(inputs);
        const next: Record<string, Arr> = {};
        const nextState: Record<string, Arr> = {};
        for (const { name } of parameters) next[name] = arrays[`p/${name}`] as Arr;
        for (const { name } of slots) nextState[name] = arrays[name] as Arr;
        state = nextState;
        steps += 1;
        return next;
      }),
      state: Effect.suspend(() =>
        Effect.map(getArrays(compute, state), (tensors) => ({ steps, tensors })),
      ),
      restore: Effect.fnUntraced(function* (saved) {
        const next = saved.tensors.size === 0 ? {} : yield* fill(saved.tensors);
        yield* releaseArrays(compute, state);
        state = next;
        steps = saved.steps;
      }),
      release: Effect.suspend(() => releaseArrays(compute, state)),
    };
  });
