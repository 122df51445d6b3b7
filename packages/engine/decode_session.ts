/** One batch being generated, as the backend sees it: caches that are filled, extended and thinned out. */
import { type ComputeError, type HostArray, type RunResult } from "@resd/core";
import type { DecoderConfig } from "@resd/models";
import { Effect } from "effect";
import { type Arrays, prefixed } from "./arrays.ts";
import {
  type CacheSize,
  decodeProgram,
  joinProgram,
  prefillProgram,
  rearrangeProgram,
  sharedPrefillProgram,
  shareProgram,
} from "./decode_programs.ts";
import { distinctPrompts, generationRows } from "./generation_plan.ts";
import { padIndices, padSequences } from "./padding.ts";
import type { Programs } from "./programs.ts";

export interface DecodeSessionOptions {
  readonly programs: Programs;
  readonly config: DecoderConfig;
  readonly weights: Arrays;
  /** Names the weights among programs that have them baked in; undefined where weights are inputs. */
  readonly baked: string | undefined;
  readonly topK: number;
  /** Padded length of prompts. */
  readonly promptLength: number;
  readonly size: CacheSize;
}

/** uniform, temperature and topP, f32 [B]. */
export type SamplingData = Readonly<Record<"uniform" | "temperature" | "topP", Float32Array>>;

/** The token of every row, padding rows included. */
export interface Drawn {
  readonly ids: Int32Array;
  readonly logProbs: Float32Array;
}

export interface DecodeSession {
  readonly size: () => CacheSize;
  /** Reads the prompts and draws the first token of each row. Prompts that rows share are read once. */
  readonly begin: (
    prompts: ReadonlyArray<Int32Array>,
    sampling: SamplingData,
  ) => Effect.Effect<Drawn, ComputeError>;
  /** Reads one token a row at its position, and draws the next. */
  readonly step: (
    tokens: ReadonlyArray<number>,
    positions: ReadonlyArray<number>,
    sampling: SamplingData,
  ) => Effect.Effect<Drawn, ComputeError>;
  /**
   * Reads other prompts, no longer than the capacity, in the places of rows that are over, and draws the first token of
   * each: of the entering rows alone. `shape` is what the prompts are padded to.
   */
  readonly refill: (
    slots: ReadonlyArray<number>,
    prompts: ReadonlyArray<Int32Array>,
    shape: { readonly B: number; readonly T: number },
    sampling: SamplingData,
  ) => Effect.Effect<Drawn, ComputeError>;
  /** Keeps the given rows, in their order, in caches of another size. */
  readonly rearrange: (
    rows: ReadonlyArray<number>,
    to: CacheSize,
  ) => Effect.Effect<void, ComputeError>;
  readonly release: Effect.Effect<void>;
}

const READ = ["ids", "logProbs"];

export const makeDecodeSession = (options: DecodeSessionOptions): DecodeSession => {
  const { programs, config, baked, topK, promptLength: T } = options;
  const parameters = prefixed("p/", options.weights);
  let size = options.size;
  let caches: Arrays = {};

  const keep = ({ arrays, values }: RunResult): Drawn => {
    caches = arrays;
    return { ids: values["ids"] as Int32Array, logProbs: values["logProbs"] as Float32Array };
  };
  const promptData = (
    prompts: ReadonlyArray<Int32Array>,
    B: number,
    width = T,
  ): Record<string, HostArray> => ({
    ids: padSequences(prompts, B, width),
    lengths: padIndices(
      prompts.map(({ length }) => length),
      B,
    ).fill(1, prompts.length),
  });

  const beginShared = Effect.fnUntraced(function* (
    distinct: ReadonlyArray<Int32Array>,
    promptOf: ReadonlyArray<number>,
    sampling: SamplingData,
  ) {
    const from = { B: generationRows(distinct.length), C: size.C };
    const reading = yield* programs.get(`shared/${from.B}x${T}/${from.C}`, () =>
      sharedPrefillProgram(config, from, T),
    );
    caches = (yield* reading.run({ ...parameters, ...promptData(distinct, from.B) })).arrays;
    const sharing = yield* programs.get(`share/${from.B}/${size.B}x${size.C}/${topK}`, () =>
      shareProgram(config, from, size, topK),
    );
    const rows = padIndices(promptOf, size.B);
    return keep(yield* sharing.run({ ...caches, ...sampling, rows }, { read: READ }));
  });

  return {
    size: () => size,
    begin: Effect.fnUntraced(function* (prompts, sampling) {
      const { distinct, rows } = distinctPrompts(prompts);
      if (generationRows(distinct.length) < size.B)
        return yield* beginShared(distinct, rows, sampling);
      const program = yield* programs.get(`prefill/${size.B}x${T}/${size.C}/${topK}`, () =>
        prefillProgram(config, size, T, topK),
      );
      const inputs = { ...parameters, ...promptData(prompts, size.B), ...sampling };
      return keep(yield* program.run(inputs, { read: READ }));
    }),
    step: Effect.fnUntraced(function* (tokens, positions, sampling) {
      const { B, C } = size;
      const key = `decode/${B}x${C}/${topK}/${baked ?? ""}`;
      const program = yield* programs.get(key, () =>
        decodeProgram(config, size, topK, baked !== undefined),
      );
      const rows = { tokens: padIndices(tokens, B), positions: padIndices(positions, B) };
      const inputs = { ...parameters, ...caches, ...rows, ...sampling };
      return keep(yield* program.run(inputs, { read: READ }));
    }),
    refill: Effect.fnUntraced(function* (slots, prompts, shape, sampling) {
      const { B, C } = size;
      const reading = yield* programs.get(`prefill/${shape.B}x${shape.T}/${C}/${topK}`, () =>
        prefillProgram(config, { B: shape.B, C }, shape.T, topK),
      );
      const joining = yield* programs.get(`join/${B}x${C}/${shape.B}`, () =>
        joinProgram(config, size, shape.B),
      );
      const inputs = { ...parameters, ...promptData(prompts, shape.B, shape.T), ...sampling };
      const { arrays, values } = yield* reading.run(inputs, { read: READ });
      const rows = Int32Array.from({ length: B }, (_, row) => row);
      slots.forEach((slot, i) => (rows[slot] = B + i));
      const entering = prefixed("new/", arrays);
      const old = caches;
      // Whatever happens, nothing that was read here is left behind.
      caches = { ...old, ...entering };
      caches = (yield* joining.run({ ...old, ...entering, rows })).arrays;
      return { ids: values["ids"] as Int32Array, logProbs: values["logProbs"] as Float32Array };
    }),
    rearrange: Effect.fnUntraced(function* (rows, to) {
      const from = size;
      const program = yield* programs.get(`rearrange/${from.B}x${from.C}/${to.B}x${to.C}`, () =>
        rearrangeProgram(config, from, to),
      );
      caches = (yield* program.run({ ...caches, rows: padIndices(rows, to.B) })).arrays;
      size = to;
    }),
    // After a failure some handles are spent already: then what can be released is.
    release: Effect.suspend(() => {
      const { compute } = programs;
      const arrays = Object.values(caches);
      caches = {};
      const oneByOne = Effect.forEach(arrays, (array) => Effect.ignore(compute.release([array])), {
        discard: true,
      });
      return compute.release(arrays).pipe(Effect.catch(() => oneByOne));
    }),
  };
};
