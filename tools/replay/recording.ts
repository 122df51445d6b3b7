/** The updates of a run as lines of JSON: what the policy was taught, and what came of it. */
import { Policy, Objective, SignalReason, type TrainSample } from "@resd/core";
import { makeLocalPolicy } from "@resd/engine";
import { presets } from "@resd/resd";
import { Effect, Layer, Schema, Struct } from "effect";

const Sequence = Schema.Struct({ ids: Schema.Array(Schema.Int), from: Schema.Int });

const Sample = Schema.Struct({
  id: Schema.String,
  student: Sequence,
  teacher: Schema.optionalKey(Sequence),
  mask: Schema.Array(Schema.Int),
  weight: Schema.Finite,
  advantage: Schema.optionalKey(Schema.Finite),
  behaviour: Schema.Array(Schema.Finite),
  signal: SignalReason,
});

/** One update. */
export const RecordedUpdate = Schema.Struct({
  samples: Schema.Array(Sample),
  objective: Objective,
  lr: Schema.Finite,
  clipNorm: Schema.optionalKey(Schema.Finite),
});
export type RecordedUpdate = typeof RecordedUpdate.Type;

const Line = Schema.fromJsonString(RecordedUpdate);

const sequenceData = ({ ids, from }: { readonly ids: Int32Array; readonly from: number }) => ({
  ids: [...ids],
  from,
});

const sampleData = (sample: TrainSample): typeof Sample.Type => ({
  ...Struct.omit(sample, ["student", "teacher", "mask", "behaviour"]),
  student: sequenceData(sample.student),
  ...(sample.teacher === undefined ? {} : { teacher: sequenceData(sample.teacher) }),
  mask: [...sample.mask],
  behaviour: [...sample.behaviour],
});

const sequenceOf = ({ ids, from }: typeof Sequence.Type) => ({ ids: Int32Array.from(ids), from });

/** The samples of an update as a policy takes them. */
export const samplesOf = ({ samples }: RecordedUpdate): ReadonlyArray<TrainSample> =>
  samples.map((sample) => ({
    ...Struct.omit(sample, ["student", "teacher", "mask", "behaviour"]),
    student: sequenceOf(sample.student),
    ...(sample.teacher === undefined ? {} : { teacher: sequenceOf(sample.teacher) }),
    mask: Uint8Array.from(sample.mask),
    behaviour: Float32Array.from(sample.behaviour),
  }));

/** The text of a recording, a line an update. */
export const recordingText = (updates: ReadonlyArray<RecordedUpdate>): string =>
  updates.map((update) => `${Schema.encodeSync(Line)(update)}\n`).join("");

/** The updates of a recording. */
export const parseRecording = (text: string) =>
  Effect.forEach(
    text.split("\n").filter((line) => line !== ""),
    (line) => Schema.decodeEffect(Line)(line),
  );

/** The policy of the default run, of the model in a folder. */
export const defaultPolicy = Effect.fnUntraced(function* (folder: string) {
  const { optimizer, sampling } = presets.kestrel;
  return yield* makeLocalPolicy({
    folder,
    optimizer: { _tag: "AdamW", ...Struct.omit(optimizer, ["name"]) },
    horizon: sampling.rollout.maxTokens,
  });
});

/** That policy, with everything that it is taught written to `updates`. */
export const recordingPolicy = (folder: string, updates: Array<RecordedUpdate>) =>
  Layer.effect(
    Policy,
    Effect.map(defaultPolicy(folder), (policy) =>
      Policy.of({
        ...policy,
        update: (samples, objective, step) => {
          updates.push({
            samples: samples.map(sampleData),
            objective,
            lr: step.lr,
            ...(step.clipNorm === undefined ? {} : { clipNorm: step.clipNorm }),
          });
          return policy.update(samples, objective, step);
        },
      }),
    ),
  );
