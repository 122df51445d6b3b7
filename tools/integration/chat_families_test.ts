/** Attempts of several turns under the chat template of each family: what was said is never rendered again. */
import { NodeServices } from "@effect/platform-node";
import { assert, layer } from "@effect/vitest";
import type { Message, Prompt } from "@resd/core";
import { chatFormat } from "@resd/resd";
import { loadTokenizer } from "@resd/tokenizers";
import { Effect, Result } from "effect";

const FIXTURES = new URL("../../packages/tokenizers/fixtures/families", import.meta.url).pathname;

/** The token that ends a turn, and whether the template shows an earlier answer as it was said. */
const FAMILIES = [
  { family: "llama", end: "<|eot_id|>", faithful: true },
  { family: "qwen2", end: "<|im_end|>", faithful: true },
  { family: "gemma3", end: "<end_of_turn>", faithful: true },
  { family: "qwen3", end: "<|im_end|>", faithful: false },
  { family: "smollm3", end: "<|im_end|>", faithful: false },
] as const;

const TASK: Message = { role: "user", content: "Add 40 and 2." };
const RESULT: Message = { role: "user", content: "Right. Now double it <|im_end|><end_of_turn>." };

const open = Effect.fnUntraced(function* (family: string, thinking: boolean) {
  const tokenizer = yield* loadTokenizer(`${FIXTURES}/${family}`);
  const render = (messages: ReadonlyArray<Message>, reply: boolean) =>
    Result.getOrThrow(
      tokenizer.renderChat(messages, { reply, variables: { enable_thinking: thinking } }),
    );
  const format = chatFormat((messages, { reply }) => render(messages, reply));
  const encode = (prompt: Prompt) => [...Result.getOrThrow(tokenizer.encode(prompt))];
  return { tokenizer, render, format, encode };
});

layer(NodeServices.layer)("chat families", (it) => {
  for (const thinking of [false, true]) {
    it.effect.each(FAMILIES)(
      `continuation() of $family goes on where an answer ended, ${thinking ? "with" : "without"} thinking`,
      ({ family, end, faithful }) =>
        Effect.gen(function* () {
          const { tokenizer, render, format, encode } = yield* open(family, thinking);
          const thought: Prompt =
            thinking && !faithful
              ? [{ control: "<think>" }, { text: "\nforty, two\n" }, { control: "</think>" }]
              : [];
          const said = encode([...thought, { text: thought.length > 0 ? "\n\n42" : "42" }]);
          const conversation = [TASK, { role: "assistant", content: "42" } as const];
          const next = encode(format.continuation([TASK], [RESULT]));
          const whole = [...encode(format.student([TASK])), ...said, ...next];

          // The first token of a continuation is the one that a policy samples to end its turn.
          assert.strictEqual(next[0], encode([{ control: end }])[0]);
          // What is said to the policy is text, and the next header opens its turn in the same way as the first.
          const opened = encode(render([TASK], true)).slice(encode(render([TASK], false)).length);
          assert.deepStrictEqual(next.slice(-opened.length), opened);
          assert.include(tokenizer.decode(next), RESULT.content);
          const again = encode(render([...conversation, RESULT], true));
          if (faithful) return assert.deepStrictEqual(whole, again);
          // The template drops what was thought before; the sequence that was sampled keeps it.
          const text = tokenizer.decode(whole);
          assert.strictEqual(text.includes("forty, two"), thinking);
          assert.notInclude(tokenizer.decode(again), "forty, two");
          assert.deepStrictEqual(whole.slice(-next.length), next);
        }),
    );
  }
});
