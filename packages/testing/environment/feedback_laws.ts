/** Laws of feedback: there whenever something failed, bounded, clean, and without what must stay secret. */
import { type Leakage, renderFeedback, type StepResult } from "@resd/core";
import { Effect } from "effect";
import { demand, type Law, law } from "../law.ts";
import { type Bench, TELLING, tellingTexts } from "./bench.ts";
import { onHostile } from "./score_laws.ts";

/** Rendering without a limit: what is too long has to be seen. */
export const everything = { maxCases: 1_000_000, maxChars: 10_000_000 };

/** All that a reflector, teacher or student may come to read of a result. */
export const readable = (result: StepResult): string =>
  [
    renderFeedback(result, everything),
    ...(result.feedback?.parts ?? []).map((part) => part.text),
    ...result.observation.map((message) => message.content),
  ].join("\n");

const LEAKAGE: ReadonlyArray<Leakage> = ["none", "partial", "answer"];

// The control character is what is looked for.
// oxlint-disable-next-line no-control-regex
const TERMINAL = /\u001B\[/;
const PATHS = /(?:^|[\s"'(])(?:\/(?:home|Users|tmp|root|var|private)\/|[A-Za-z]:\\)/;

export const feedbackLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => {
  const names = Object.keys(bench.hostile);
  const { feedback } = bench.manifest;
  return [
    law(
      "environment.feedback.present",
      "every failure comes with tests or feedback",
      onHostile(bench, names, ({ last }, row, name) =>
        demand(
          last.status === "running" ||
            (last.tests?.length ?? 0) + (last.feedback?.parts.length ?? 0) > 0,
          "tests or feedback parts",
          last,
          `at ${row.key}, answer ${name}: without them nothing can be learned from the failure`,
        ),
      ),
    ),
    law(
      "environment.feedback.bounded",
      "rendered feedback is no longer than the manifest states",
      onHostile(bench, names, ({ results }, row, name) =>
        Effect.forEach(results, (result) => {
          const { length } = renderFeedback(result, everything);
          return demand(
            length <= feedback.maxChars,
            `at most ${feedback.maxChars} characters`,
            length,
            `at ${row.key}, answer ${name}: cut quoted answers and outputs, or raise feedback.maxChars`,
          );
        }),
      ),
    ),
    law(
      "environment.feedback.leakage",
      "feedback does not give the gold answer away unless the manifest says so",
      onHostile(bench, names, ({ results }, row, name) =>
        Effect.forEach(results, (result) =>
          Effect.gen(function* () {
            const declared = result.feedback?.leakage ?? "none";
            yield* demand(
              LEAKAGE.indexOf(declared) <= LEAKAGE.indexOf(feedback.leakage),
              `leakage of at most "${feedback.leakage}", as in the manifest`,
              declared,
              `at ${row.key}, answer ${name}`,
            );
            const read = readable(result);
            yield* demand(
              declared === "answer" || !tellingTexts(row.gold).some((gold) => read.includes(gold)),
              "feedback without the gold answer",
              read,
              `at ${row.key}, answer ${name}: leave it out, or declare leakage "answer"`,
            );
          }),
        ),
      ),
    ),
    law(
      "environment.feedback.hidden",
      "input and expected output of hidden tests are in no text that a model reads",
      onHostile(bench, names, ({ initial, results }, row, name) =>
        Effect.forEach(results, (result) => {
          const open = [
            ...initial.map((message) => message.content),
            ...(result.tests ?? [])
              .filter((test) => test.visibility === "public")
              .map((test) => JSON.stringify(test)),
          ].join("\n");
          const secrets = (result.tests ?? [])
            .filter((test) => test.visibility === "hidden")
            .flatMap(({ input, expected }) => [input ?? "", expected ?? ""])
            .filter((secret) => secret.length >= TELLING && !open.includes(secret));
          const told = secrets.filter((secret) => readable(result).includes(secret));
          return demand(
            told.length === 0,
            "hidden tests to stay hidden",
            told,
            `at ${row.key}, answer ${name}: name hidden failures by count only`,
          );
        }),
      ),
    ),
    law(
      "environment.feedback.clean",
      "feedback is well-formed text without terminal codes or paths of the machine",
      onHostile(bench, names, ({ results }, row, name) =>
        Effect.forEach(results, (result) => {
          const content = readable(result);
          return demand(
            content.isWellFormed() && !TERMINAL.test(content) && !PATHS.test(content),
            "well-formed text without terminal codes or absolute paths",
            content,
            `at ${row.key}, answer ${name}: it goes into prompts and playbooks`,
          );
        }),
      ),
    ),
    law(
      "environment.feedback.truncated",
      "an answer cut off by length is told so",
      onHostile(bench, ["truncated"], ({ last }, row) =>
        demand(
          last.status === "running" ||
            (last.feedback?.parts.some((part) => part.kind === "truncated") ?? false),
          'a feedback part of kind "truncated"',
          last.feedback?.parts.map((part) => part.kind) ?? [],
          `at ${row.key}: look at the action's stop`,
        ),
      ),
      { required: false },
    ),
  ];
};
