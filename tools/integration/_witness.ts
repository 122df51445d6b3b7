/** Sees what a run asks of its environment and of its policy, from outside the loop. */
import { Compute, Environment, type GenerateRequest, Policy, type Score } from "@resd/core";
import { makeLocalPolicy } from "@resd/engine";
import { layer as kestrel } from "@resd/env-kestrel";
import { layer as onnx } from "@resd/compute-onnx";
import { presets } from "@resd/resd";
import type { RunLayers } from "@resd/run";
import { Effect, Layer, Struct } from "effect";

export interface Witness {
  /** Keys of the tasks of all episodes opened, in order. */
  readonly opened: Array<string>;
  readonly asked: Array<GenerateRequest>;
  /** Of the policy when it was saved: a few of the sequences that it sampled, and their log-probs. */
  readonly last: { sequences?: ReadonlyArray<Sequence>; scores?: ReadonlyArray<Score> };
}

interface Sequence {
  readonly ids: Int32Array;
  readonly from: number;
}

export const makeWitness = (): Witness => ({ opened: [], asked: [], last: {} });

/** The reference task with every episode counted and every gold program taken away. */
const watchedKestrel = ({
  opened,
}: Witness): Layer.Layer<Environment, { readonly message: string }> =>
  Layer.effect(
    Environment,
    Effect.map(Environment, (environment) => ({
      ...environment,
      tasks: (split: string) => {
        const source = environment.tasks(split);
        return {
          ...source,
          get: (index: number) => Effect.map(source.get(index), Struct.omit(["gold"])),
        };
      },
      open: (row, context) =>
        Effect.suspend(() => {
          opened.push(row.key);
          return environment.open(row, context);
        }),
    })),
  ).pipe(Layer.provide(kestrel({})));

const watchedPolicy = (folder: string, { asked, last }: Witness) =>
  Layer.effect(
    Policy,
    Effect.gen(function* () {
      const { optimizer, sampling } = presets.kestrel;
      const policy = yield* makeLocalPolicy({
        folder,
        optimizer: { _tag: "AdamW", ...Struct.omit(optimizer, ["name"]) },
        horizon: sampling.rollout.maxTokens,
      });
      const sequences: Array<Sequence> = [];
      return Policy.of({
        ...policy,
        generate: (requests) =>
          Effect.tap(policy.generate(requests), (answers) =>
            Effect.sync(() => {
              asked.push(...requests);
              sequences.push(
                ...answers.map(({ ids }, i) => {
                  const { prompt } = requests[i]!;
                  return { ids: Int32Array.of(...prompt, ...ids), from: prompt.length };
                }),
              );
            }),
          ),
        save: (to, what) =>
          Effect.gen(function* () {
            last.sequences = sequences.slice(-12);
            const items = last.sequences.map((one) => ({ ...one, as: "student" as const }));
            last.scores = yield* policy.score(items);
            yield* policy.save(to, what);
          }),
      });
    }),
  );

/** The parts of the reference run, watched. */
export const watched = (folder: string, witness: Witness): RunLayers => ({
  environment: watchedKestrel(witness),
  policy: watchedPolicy(folder, witness),
  compute: onnx({}) as Layer.Layer<Compute, { readonly message: string }>,
});
