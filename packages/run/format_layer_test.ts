import { assert, describe, it } from "@effect/vitest";
import { Format, Policy } from "@resd/core";
import { chatPrompts, presets } from "@resd/resd";
import { attemptOf, makeScriptedPolicy, writeChatModel } from "@resd/testing";
import { Effect, FileSystem, Layer } from "effect";
import { folderWith, testServices } from "./_host.ts";
import { formatLayer } from "./format_layer.ts";
import type { RunConfig } from "./run_config.ts";

const mine = chatPrompts.text
  .replace("chat/1", "mine/1")
  .replace("An attempt at the task below failed.", "Something went wrong.");

/** The format of a model that reads this one, with a wording from a file if there is one. */
const formatOf = (
  reads: "chat" | "compact",
  prompts?: string,
  changes: Partial<RunConfig["resd"]> = {},
  model: { readonly thinking?: boolean; readonly template?: string } = {},
) =>
  Effect.gen(function* () {
    const folder = yield* folderWith(prompts === undefined ? {} : { "prompts.md": prompts });
    if (reads === "chat") yield* writeChatModel(`${folder}/model`);
    if (model.template !== undefined) {
      const fs = yield* FileSystem.FileSystem;
      yield* fs.writeFileString(`${folder}/model/chat_template.jinja`, model.template);
    }
    const config = {
      format: "auto" as const,
      thinking: model.thinking ?? false,
      model: `${folder}/model`,
      resd: { ...presets.kestrel, ...changes },
      ...(prompts === undefined ? {} : { prompts: `${folder}/prompts.md` }),
    };
    return yield* Effect.provide(
      Format,
      formatLayer(config).pipe(
        Layer.provide(
          Layer.succeed(Policy, makeScriptedPolicy({ replies: () => "", info: { format: reads } })),
        ),
      ),
    );
  }).pipe(Effect.scoped, Effect.provide(testServices));

const reflectorText = (format: Format["Service"]): string =>
  format
    .reflector(attemptOf({ problem: "p", answer: "a" }), {
      version: 0,
      updateCount: 0,
      entries: [],
    })
    .map((segment) => ("text" in segment ? segment.text : ""))
    .join("");

describe("formatLayer", () => {
  it.effect("formatLayer() uses the wording of a file, and tells which", () =>
    Effect.gen(function* () {
      const format = yield* formatOf("chat", mine);
      assert.include(reflectorText(format), "Something went wrong.");
      assert.strictEqual(format.wording?.id, "mine/1");
      assert.strictEqual(format.wording?.text, mine);
      const own = yield* formatOf("chat");
      assert.strictEqual(own.wording?.hash, chatPrompts.hash);
    }),
  );

  it.effect("formatLayer() offers curators the operations of the run", () =>
    Effect.gen(function* () {
      const format = yield* formatOf("chat", undefined, { operations: ["Add", "Delete"] });
      const reflection = { text: "r", tags: [], parse: "ok" } as const;
      const attempt = attemptOf({ problem: "p", answer: "a" });
      const view = { version: 0, updateCount: 0, entries: [] };
      const text = JSON.stringify(format.curator(reflection, view, attempt));
      assert.include(text, "DELETE");
      assert.notInclude(text, "MERGE");
    }),
  );

  it.effect(
    "formatLayer() tells a chat template whether to think, and refuses one that cannot be told",
    () =>
      Effect.gen(function* () {
        const template =
          "{% for m in messages %}{{ m.content }}{% endfor %}" +
          "{{ 'thinks' if enable_thinking is not defined or enable_thinking else 'answers' }}";
        const textOf = (thinking: boolean) =>
          Effect.map(formatOf("chat", undefined, {}, { thinking, template }), (format) =>
            JSON.stringify(format.student([{ role: "user", content: "Hello." }])),
          );
        assert.include(yield* textOf(true), "thinks");
        assert.include(yield* textOf(false), "answers");
        const deaf = yield* Effect.flip(formatOf("chat", undefined, {}, { thinking: true }));
        assert.include(deaf.message, "has no enable_thinking");
        const fixed = yield* Effect.flip(formatOf("compact", undefined, {}, { thinking: true }));
        assert.include(fixed.message, "whose grammar is fixed, at thinking");
      }),
  );

  it.effect("formatLayer() refuses a wording that cannot be read, or that nothing would read", () =>
    Effect.gen(function* () {
      const broken = yield* Effect.flip(formatOf("chat", mine.replaceAll("{{task}}", "{{taks}}")));
      assert.include(broken.message, "got {{taks}}");
      assert.include(broken.message, "prompts.md");
      const vain = yield* Effect.flip(formatOf("compact", mine));
      assert.include(vain.message, "whose grammar is fixed");
    }),
  );
});
