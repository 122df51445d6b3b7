/** An endless sequence of changes to playbooks, the same for the same seed in every process. */
import { type Cause, type PlaybookShape, makeRandom } from "@resd/core";
import { type PlaybookStep, randomPlaybookStep } from "@resd/testing";
import { Effect } from "effect";

const KEYS = ["global", "task/7"];

/** The `number`-th change of a seed. Its ids are guesses: those that are not there do nothing. */
export const changeOf = (
  seed: number,
  number: number,
): { readonly key: string; readonly step: PlaybookStep; readonly cause: Cause } => {
  const random = makeRandom("playbook-changes", seed, number);
  const ids = Array.from(
    { length: 12 },
    () =>
      `${random.pick(["sai", "calc", "err", "misc", "gene"])}-${String(1 + random.int(2 * number + 4)).padStart(5, "0")}`,
  );
  const key = random.pick(KEYS);
  const step = randomPlaybookStep(random, ids);
  const cause = { update: number, by: "curator", attempt: `attempt ${number}` } as const;
  return { key, step, cause };
};

/** Makes the change of a number. */
export const makeChange = (playbook: PlaybookShape, seed: number, number: number) => {
  const { key, step, cause } = changeOf(seed, number);
  switch (step._tag) {
    case "apply":
      return Effect.asVoid(playbook.apply(key, step.operations, cause));
    case "tag":
      return playbook.tag(key, step.tags, cause);
    case "concise":
      return Effect.asVoid(playbook.concise(key, step.rule, step.seed, cause));
    case "advance":
      return playbook.advance(key, cause);
  }
};
