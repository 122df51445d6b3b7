/** A recorded attempt beside new ones, for a terminal. */
import type { Outcome, Replay, ReplayedAttempt, ReplayedPrompt } from "@resd/run";
import { rewardText } from "./episode_list.ts";
import type { Ink } from "./ink.ts";
import { wrapped } from "./wrapped.ts";

interface Page {
  readonly columns: number;
  readonly ink: Ink;
}

const PROMPTS: Readonly<Record<ReplayedPrompt, string>> = {
  recorded: "the prompt that it read then, token for token",
  task: "the bare task",
  "playbook-then": "the task with the playbook as it was after that update",
  playbook: "the task with the playbook beside these weights",
  teacher: "what the teacher read of the attempt",
};

const DRAWS: Readonly<Record<ReplayedAttempt["draws"], string>> = {
  recorded: "the recorded draws",
  new: "new draws",
  greedy: "no draws",
};

const verdict = (
  { success, truncated, ungraded, reward, fraction, tokens }: Outcome,
  { columns, ink }: Page,
  number = "",
): ReadonlyArray<string> => {
  const word =
    ungraded !== undefined
      ? "not graded"
      : success
        ? "solved"
        : truncated
          ? "cut by length"
          : "failed";
  const told = `${number}${word}, reward ${rewardText(reward)}, passed share ${rewardText(fraction)}, ${tokens} tokens`;
  return wrapped(told, columns).map((line) =>
    line.replace(word, ink(success ? "green" : "red", word)),
  );
};

const answerLines = (
  { answer, success, feedback, ungraded }: Outcome,
  { columns, ink }: Page,
): ReadonlyArray<string> => [
  ...wrapped(answer === "" ? "(nothing)" : answer, columns, "    ").map((line) =>
    ink("cyan", line),
  ),
  ...(success || (feedback === "" && ungraded === undefined)
    ? []
    : wrapped(ungraded ?? feedback, columns, "    ").map((line) => ink("dim", line))),
];

export const replayText = (
  { run, episode, recorded, weights, prompt, sampling, attempts, solved }: Replay,
  page: Page,
): string => {
  const { columns, ink } = page;
  const { temperature, topP, topK } = sampling;
  const drawn =
    temperature === 0
      ? "the most probable token each time"
      : `temperature ${temperature}${topP < 1 ? `, top-p ${topP}` : ""}${topK > 0 ? `, top-k ${topK}` : ""}`;
  const then = weights.version === recorded.weights ? ", which it was made with" : "";
  return [
    ...wrapped(`Attempt ${episode.id} of ${run}: update ${episode.update}`, columns, "").map(
      (line) => ink("bold", line),
    ),
    ...wrapped(`task ${episode.taskKey}`, columns, ""),
    ...wrapped(episode.problem, columns),
    "",
    ink("bold", "As recorded"),
    ...verdict(recorded, page),
    ...answerLines(recorded, page),
    "",
    ...wrapped(
      `Again, with the ${weights.which} weights (${weights.version})${then}; it reads ${PROMPTS[prompt.which]} (${prompt.tokens} tokens); ${drawn}`,
      columns,
      "",
    ),
    ...attempts.flatMap((one, k) => [
      ...verdict(one, page, `${k + 1}  `),
      ...wrapped(
        `${DRAWS[one.draws]}${one.same ? "; token for token the recorded answer" : ""}`,
        columns,
        "    ",
      ).map((line) => ink("dim", line)),
      ...answerLines(one, page),
    ]),
    "",
    ink(
      "bold",
      `Solved ${solved} of ${attempts.length}; the recorded attempt was ${recorded.success ? "solved" : "not"}.`,
    ),
  ].join("\n");
};
