/** An ONNX instruct model that answers messages. */
import { type Random, type Stop } from "@resd/core";
import { LoadModelError, ModelOptions, loadModel } from "@resd/transformers-node";
import { Effect, type Scope } from "effect";
import { type Draw, addGumbel } from "./gumbel.ts";

/** A loaded model. */
export interface InstructModel {
  /** Tokens of a message with everything that the model's template puts around it. */
  readonly count: (text: string) => number;
  /** Answers one message. */
  readonly answer: (
    text: string,
    draw: Draw & { readonly maxTokens: number },
    random: Random,
  ) => Effect.Effect<
    { readonly text: string; readonly stop: Stop; readonly tokens: number },
    LoadModelError
  >;
}

/** Loads an instruct model with its tokenizer and chat template; both are there until the scope closes. */
export const loadInstructModel = Effect.fn("loadInstructModel")(function* (
  options: ModelOptions,
): Effect.fn.Return<InstructModel, LoadModelError, Scope.Scope> {
  const { transformers, tokenizer, model } = yield* loadModel(
    options,
    async (library, name, pretrained) => ({
      transformers: library,
      tokenizer: await library.AutoTokenizer.from_pretrained(name, {
        local_files_only: pretrained.local_files_only,
      }),
      model: await library.AutoModelForCausalLM.from_pretrained(name, pretrained),
    }),
    (loaded) => loaded.model.dispose(),
  );
  if (tokenizer.chat_template === null || tokenizer.chat_template === undefined) {
    return yield* new LoadModelError({
      message: `Expected an instruct model, got one without a chat template, at ${options.model}; use the instruct or chat version of the model`,
    });
  }
  const { LogitsProcessor, LogitsProcessorList } = transformers;

  /** Draws with the seed of one answer. */
  class Seeded extends LogitsProcessor {
    readonly #draw: Draw;
    readonly #random: Random;
    constructor(draw: Draw, random: Random) {
      super();
      this.#draw = draw;
      this.#random = random;
    }
    override _call(_ids: Array<Array<bigint>>, logits: { readonly data: unknown }): unknown {
      addGumbel(logits.data as Float32Array, this.#draw, this.#random);
      return logits;
    }
  }

  const encode = (text: string) =>
    tokenizer.apply_chat_template([{ role: "user", content: text }], {
      add_generation_prompt: true,
      return_dict: true,
    }) as { readonly input_ids: { readonly dims: ReadonlyArray<number> } };

  return {
    count: (text) => encode(text).input_ids.dims.at(-1) ?? 0,
    answer: (text, { maxTokens, ...draw }, random) =>
      Effect.tryPromise({
        try: async () => {
          const inputs = encode(text);
          const processors = new LogitsProcessorList();
          processors.push(new Seeded(draw, random));
          const output = (await model.generate({
            ...inputs,
            max_new_tokens: maxTokens,
            do_sample: false,
            logits_processor: processors,
          } as Parameters<typeof model.generate>[0])) as {
            readonly tolist: () => ReadonlyArray<ReadonlyArray<bigint>>;
          };
          const ids = (output.tolist()[0] ?? []).slice(inputs.input_ids.dims.at(-1));
          const said = tokenizer.decode(ids.map(Number), { skip_special_tokens: true });
          const stop: Stop = ids.length >= maxTokens ? "max_tokens" : "eos";
          return { text: said, stop, tokens: ids.length };
        },
        catch: (cause) =>
          new LoadModelError({
            message: `Expected an answer by ${options.model}, got: ${cause instanceof Error ? cause.message : String(cause)}; lower contextTokens, or take another model`,
          }),
      }),
  };
});
