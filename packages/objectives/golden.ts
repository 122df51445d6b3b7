/**
 * Golden cases of the self-distillation loss, as graphs: every backend computes the same ones. A separate entry
 * (`@resd/objectives/golden`) for tests.
 *
 * @module
 */
import type { Aggregation, Distill, Support } from "@resd/core";
import { type Graph, gradient, graph, input, mul, sum } from "@resd/tensor";
import fixture from "./fixtures/loss_golden.json" with { type: "json" };
import { planLosses } from "./plan_losses.ts";
import { tokenLosses } from "./token_losses.ts";

/** One case: run `graph` on `inputs`, compare every output with `expected`. */
export interface GoldenCase {
  readonly name: string;
  readonly note: string;
  readonly graph: Graph;
  /** f32 inputs in double precision, i32 inputs as Int32Array. */
  readonly inputs: Readonly<Record<string, Float64Array | Int32Array>>;
  /** `loss` [1 value], `perToken` [N], `gradient` of the loss by the student's logits [N,V], `logProb` [N]. */
  readonly expected: Readonly<Record<string, Float64Array>>;
}

/** Largest error |got − expected| / max(1, |expected|) that a precision may make. */
export const GOLDEN_TOLERANCE = { f64: 1e-10, f32: 1e-5 } as const;

interface Raw {
  readonly name: string;
  readonly note: string;
  readonly shape: { readonly B: number; readonly T: number; readonly V: number };
  readonly config: {
    readonly full_logit_distillation: boolean;
    readonly alpha: number;
    readonly distillation_topk?: number;
    readonly distillation_add_tail: boolean;
    readonly is_clip?: number;
    readonly teacher_prob_min_ratio?: number;
    readonly teacher_prob_max_ratio?: number;
    readonly position_weighting_enabled: boolean;
    readonly position_weighting_beta: number;
  };
  readonly loss_agg_mode: string;
  readonly inputs: {
    readonly student_logits: Nested;
    readonly teacher_logits: Nested;
    readonly sampled_tokens: Rows;
    readonly response_mask: Rows;
    readonly self_distillation_mask?: ReadonlyArray<number>;
    readonly success_rate_weights?: ReadonlyArray<number>;
    readonly old_log_probs?: Rows;
    readonly rollout_is_weights?: Rows;
  };
  readonly expected: {
    readonly total_loss: number;
    readonly per_token_loss: Rows;
    readonly student_log_probs_sampled: Rows;
    readonly grad_student_logits: Nested;
  };
}
type Rows = ReadonlyArray<ReadonlyArray<number>>;
type Nested = ReadonlyArray<Rows>;

const supportOf = ({ config }: Raw): Support => {
  if (!config.full_logit_distillation) return { _tag: "sampled-token" };
  if (config.distillation_topk === undefined) return { _tag: "full" };
  const rest = config.distillation_add_tail ? "tail" : "renormalize";
  return { _tag: "top-k", k: config.distillation_topk, rest };
};

const objectiveOf = (raw: Raw): Distill => {
  const { teacher_prob_min_ratio: ratioMin, teacher_prob_max_ratio: ratioMax, alpha } = raw.config;
  return {
    _tag: "Distill",
    alpha,
    support: supportOf(raw),
    ...(ratioMin === undefined ? {} : { ratioMin }),
    ...(ratioMax === undefined ? {} : { ratioMax }),
    aggregation: raw.loss_agg_mode as Aggregation,
    teacher: { _tag: "frozen" },
    ...(raw.config.is_clip === undefined
      ? {}
      : { importance: { clip: raw.config.is_clip, over: "token" } }),
    ...(raw.config.position_weighting_enabled
      ? { positionRamp: raw.config.position_weighting_beta }
      : {}),
  };
};

const flat = (rows: Rows): Float64Array => Float64Array.from(rows.flat());

const toCase = (raw: Raw): GoldenCase => {
  const { B, T, V } = raw.shape;
  const N = B * T;
  const { inputs, expected } = raw;
  const objective = objectiveOf(raw);

  const student = input("student", [N, V]);
  const { loss, logProb } = tokenLosses({
    student,
    teacher: input("teacher", [N, V]),
    tokens: input("tokens", [N], "i32"),
    behaviour: input("oldLogProb", [N]),
    advantage: input("advantage", [N]),
    objective,
  });
  const total = sum(mul(loss, input("coefficients", [N])));

  const multipliers = Array.from({ length: N }, (_, n) => {
    const [i, t] = [Math.floor(n / T), n % T];
    return (inputs.success_rate_weights?.[i] ?? 1) * (inputs.rollout_is_weights?.[i]?.[t] ?? 1);
  });
  const plans = planLosses(
    objective,
    inputs.response_mask.map((mask, i) => ({
      mask: Uint8Array.from(mask),
      weight: inputs.success_rate_weights?.[i] ?? 1,
      taught: inputs.self_distillation_mask?.[i] !== 0,
      behaviour: inputs.old_log_probs?.[i] ?? mask,
    })),
    { update: 0 },
  );
  // Weights of rollout correction come with the case: their ratios are not in it.
  const c = plans.map(({ coefficients }, i) =>
    coefficients.map((x, t) => x * (inputs.rollout_is_weights?.[i]?.[t] ?? 1)),
  );
  return {
    name: raw.name,
    note: raw.note,
    graph: graph(
      {
        loss: total,
        perToken: mul(loss, input("multipliers", [N])),
        gradient: gradient(total, [student])[0] ?? student,
        logProb,
      },
      { name: `golden/${raw.name}` },
    ),
    inputs: {
      student: flat(inputs.student_logits.flat()),
      teacher: flat(inputs.teacher_logits.flat()),
      tokens: Int32Array.from(inputs.sampled_tokens.flat()),
      coefficients: flat(c.map((row) => Array.from(row))),
      multipliers: Float64Array.from(multipliers),
      ...(inputs.old_log_probs === undefined ? {} : { oldLogProb: flat(inputs.old_log_probs) }),
    },
    expected: {
      loss: Float64Array.of(expected.total_loss),
      perToken: flat(expected.per_token_loss),
      gradient: flat(expected.grad_student_logits.flat()),
      logProb: flat(expected.student_log_probs_sampled),
    },
  };
};

/**
 * All cases: α ∈ {0, ½, 1} over full vocabulary, top-k with tail, top-k renormalised and the sampled token, with floors
 * and ceilings, weights, masks, importance ratios, two aggregations and the position ramp. Values were computed in
 * float64 by the reference implementation of arXiv 2605.12741 with automatic differentiation.
 */
export const goldenCases = (): ReadonlyArray<GoldenCase> =>
  (fixture.cases as unknown as ReadonlyArray<Raw>).map(toCase);

/** Largest error of `got`, relative where values are above 1; Infinity where lengths differ or a value is not a number. */
export const goldenError = (got: ArrayLike<number>, expected: Float64Array): number =>
  got.length === expected.length
    ? expected.reduce((worst, value, i) => {
        const error = Math.abs((got[i] as number) - value) / Math.max(1, Math.abs(value));
        return Number.isNaN(error) ? Infinity : Math.max(worst, error);
      }, 0)
    : Infinity;
