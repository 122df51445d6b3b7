/** The environment's own reflection: what the protocol of the bench proves, and nothing that only the chip knows. */
import {
  type Action,
  type Reflection,
  type StepResult,
  type Tag,
  type View,
  emptyView,
  isSuccess,
  shownCases,
} from "@resd/core";
import { Result } from "effect";
import {
  type Diagnosis,
  type Plan,
  confirmProgram,
  diagnoseProgram,
  parseProgram,
  unreadable,
} from "./language/mod.ts";

const WORDS = /\s+/;

/** What the bench reported about a program: where it arrived, and the way there. */
const observationIn = (result: StepResult | undefined) => {
  const [shown] = result === undefined ? [] : shownCases(result);
  const [, port] = shown?.actual?.split(WORDS) ?? [];
  const [word, ...trace] = shown?.debug?.split(WORDS) ?? [];
  return port === undefined || word !== "trace" ? undefined : { trace: trace.map(Number), port };
};

const diagnose = (
  plan: Plan,
  action: Action | undefined,
  result: StepResult | undefined,
): Diagnosis => {
  const program = parseProgram(action?.content ?? "");
  if (Result.isFailure(program)) return unreadable(program.failure.line);
  const wanted = plan.steps.map(({ operation }) => operation);
  if (result !== undefined && isSuccess(result)) return confirmProgram(program.success, wanted);
  const seen = observationIn(result);
  return seen === undefined
    ? { text: "insight none", tags: [] }
    : diagnoseProgram(program.success, wanted, seen);
};

/** Verdicts on pairings, as tags of the entries that say so. */
const tagsOf = ({ tags }: Diagnosis, { entries }: View): ReadonlyArray<Tag> =>
  tags.flatMap(({ pairing, sign }) =>
    entries.flatMap(({ id, text }): ReadonlyArray<Tag> =>
      text === pairing ? [{ entry: id, sign }] : [],
    ),
  );

/** The reflection on an attempt at a plan: every line judged by the trace, and one lesson that it proves, if any. */
export const reflectOn = (
  plan: Plan,
  actions: ReadonlyArray<Action>,
  results: ReadonlyArray<StepResult>,
  view: View = emptyView,
): Reflection => {
  const diagnosis = diagnose(plan, actions.at(-1), results.at(-1));
  const { text, insight } = diagnosis;
  return {
    text,
    ...(insight === undefined ? {} : { insight }),
    tags: tagsOf(diagnosis, view),
    parse: "ok",
  };
};
