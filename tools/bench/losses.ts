/** Losses of distillation and their gradient, from the logits of student and teacher: what an update computes between two products. */
import { type ComputeError, type ComputeShape, type Distill, makeRandom } from "@resd/core";
import { tokenLosses } from "@resd/objectives";
import { gradient, graph, input, mul, sum } from "@resd/tensor";
import { Effect, type Scope } from "effect";
import { SEED } from "./exchange.ts";
import { type Side, timed } from "./measurement.ts";

/** Tokens, words, and the k greatest that are compared beside all others. */
export interface Losses {
  readonly N: number;
  readonly V: number;
  readonly k: number;
}

export const LOSSES: Readonly<Record<"software" | "hardware", ReadonlyArray<Losses>>> = {
  software: [
    { N: 512, V: 73, k: 20 },
    { N: 64, V: 32_768, k: 20 },
  ],
  hardware: [
    { N: 4096, V: 73, k: 20 },
    { N: 256, V: 151_936, k: 100 },
  ],
};

export const lossesName = ({ N, V, k }: Losses): string => `losses ${N}x${V}, top ${k} and tail`;

const objective = (k: number): Distill => ({
  _tag: "Distill",
  alpha: 0.5,
  support: { _tag: "top-k", k, rest: "tail" },
  ratioMin: 0.2,
  ratioMax: 5,
  aggregation: "token-mean",
  teacher: { _tag: "frozen" },
});

const logits = (name: string, size: number): Float32Array<ArrayBuffer> => {
  const random = makeRandom(SEED, "bench", name);
  return Float32Array.from({ length: size }, () => 2 * random.normal());
};

/** The losses are read back each time, the gradient only when results are compared. */
export const ourLosses = Effect.fnUntraced(function* (
  name: string,
  compute: ComputeShape,
  losses: Losses,
): Effect.fn.Return<Side<ComputeError>, ComputeError, Scope.Scope> {
  const { N, V, k } = losses;
  const [student, teacher] = [input("student", [N, V]), input("teacher", [N, V])];
  const { rewardLoss: _, ...perToken } = tokenLosses({
    objective: objective(k),
    student,
    teacher,
    tokens: input("tokens", [N], "i32"),
    behaviour: input("behaviour", [N]),
    advantage: input("advantage", [N]),
  });
  const [slope] = gradient(sum(mul(perToken.loss, input("coefficient", [N]))), [student]);
  const program = yield* compute.compile(
    graph({ ...perToken, slope: slope! }, { name: lossesName(losses) }),
  );
  const inputs = {
    student: yield* compute.put(logits("student", N * V), [N, V]),
    teacher: yield* compute.put(logits("teacher", N * V), [N, V]),
    tokens: Int32Array.from({ length: N }, (_unused, n) => n % V),
    coefficient: new Float32Array(N).fill(1 / N),
  };
  const once = Effect.flatMap(program.run(inputs, { read: ["loss"] }), ({ arrays }) =>
    compute.release(Object.values(arrays)),
  );
  return {
    name,
    result: Effect.map(program.run(inputs, { read: ["loss", "slope"] }), ({ values }) =>
      Float32Array.from([...values["loss"]!, ...values["slope"]!]),
    ),
    timed: Effect.andThen(once, timed(once)),
  };
});
