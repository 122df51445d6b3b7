import { type Entry, type View, emptyView } from "@resd/core";
import { attemptOf } from "@resd/testing";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import type { Question } from "./ask_policy.ts";
import { messageFormat } from "./message_format.ts";
import { compactFormat } from "./compact.ts";
import { reflectByAsking } from "./reflect_by_asking.ts";
import { shortenAttempt } from "./shorten.ts";

const entry: Entry = {
  id: "oth-00001",
  section: "OTHERS",
  text: "double is PEF",
  helpful: 0,
  harmful: 0,
  createdAt: 0,
  lastTaggedAt: 0,
};
const view: View = { ...emptyView, entries: [entry] };
const long = "x".repeat(4000);
const attempts = [
  attemptOf({ problem: "first", answer: [long] }),
  attemptOf({ problem: "second", answer: ["short"] }),
];
const use = { modelCalls: 1, generatedTokens: 7 };

describe("reflectByAsking", () => {
  for (const purpose of ["reflect", "credit"] as const) {
    it.effect(`asks one question about each attempt, to ${purpose}, and reads the replies`, () =>
      Effect.gen(function* () {
        const format = messageFormat(compactFormat);
        const prompt = purpose === "reflect" ? format.reflector : format.success;
        const asked: Array<readonly [string, ReadonlyArray<Question>, number]> = [];
        const reflector = reflectByAsking(format, true, (why, questions, { update }) => {
          asked.push([why, questions, update]);
          // Nobody could be asked about the second.
          return Effect.succeed({ answers: [{ text: "{}", stop: "eos" }, undefined], use });
        });
        const answer = yield* reflector[purpose](attempts, view, { update: 3 });

        assert.lengthOf(asked, 1);
        const [[why, questions, update]] = asked as [(typeof asked)[number]];
        assert.strictEqual(why, purpose);
        assert.strictEqual(update, 3);
        assert.deepEqual(
          questions.map(({ attempt, task }) => [attempt, task]),
          attempts.map(({ id, problem }) => [id, problem]),
        );
        for (const [i, { entries, render }] of questions.entries()) {
          assert.strictEqual(entries, view.entries);
          for (const longest of [Infinity, 512]) {
            for (const kept of [view.entries, []]) {
              assert.deepEqual(
                render(kept, longest),
                prompt(shortenAttempt(attempts[i]!, longest), { ...view, entries: kept }),
              );
            }
          }
        }
        assert.strictEqual(answer.use, use);
        const parse =
          "reflections" in answer
            ? answer.reflections.map((reflection) => reflection.parse)
            : answer.parse;
        assert.strictEqual(parse?.[0], format.parseReflection("{}", view, "eos").parse);
        assert.strictEqual(parse?.[1], "skipped");
      }),
    );
  }
});
