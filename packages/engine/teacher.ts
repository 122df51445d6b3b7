/**
 * The teacher: whose weights they are, and the rule that moves them after each update that was not skipped. Its weights
 * are f32 on the backend, so that a rate of 1e-4 is not rounded away.
 */
import type { ComputeError, TeacherRule } from "@resd/core";
import { Effect } from "effect";
import { type Arrays, releaseArrays } from "./arrays.ts";
import type { Programs } from "./programs.ts";
import type { WeightSets } from "./weights.ts";

/** What a checkpoint keeps beside the weights themselves. */
export interface TeacherState {
  /** The rule of the last update; absent before the first. */
  readonly rule?: TeacherRule;
  /** Updates since the last copy, for `hard-sync`. */
  readonly updatesSinceSync: number;
  /** Whether the teacher has weights of its own. */
  readonly own: boolean;
}

/**
 * Until the first update the teacher is the student as it is. From then on it has weights of its own, except under
 * `live`: a run that begins with `live` and changes its rule starts the teacher from the student of that moment.
 */
export interface Teacher {
  /** Who teaches: undefined while the teacher is the student. */
  readonly arrays: () => Arrays | undefined;
  /** Weights of its own, also those that `live` sets aside. */
  readonly own: () => Arrays | undefined;
  readonly state: () => TeacherState;
  /** Called before the student's first step under a rule: keeps what the rule needs of the student as it is. */
  readonly prepare: (rule: TeacherRule, student: Arrays) => Effect.Effect<void, ComputeError>;
  /** Applies the rule: `student` is the set after the step. */
  readonly advance: (rule: TeacherRule, student: Arrays) => Effect.Effect<void, ComputeError>;
  /** ‖θ_T − θ‖₂; 0 while the teacher is the student. Under `trust-region`, of the reference model. */
  readonly drift: (student: Arrays) => Effect.Effect<number, ComputeError>;
  /** Takes over a checkpoint's teacher. */
  readonly restore: (
    state: TeacherState,
    arrays: Arrays | undefined,
  ) => Effect.Effect<void, ComputeError>;
}

export const makeTeacher = (programs: Programs, sets: WeightSets): Teacher => {
  const { compute } = programs;
  let own: Arrays | undefined;
  let rule: TeacherRule | undefined;
  let updatesSinceSync = 0;

  const replace = Effect.fnUntraced(function* (next: Arrays | undefined) {
    const old = own;
    own = next;
    if (old !== undefined) yield* releaseArrays(compute, old);
  });
  const current = (): Arrays | undefined => (rule?._tag === "live" ? undefined : own);

  return {
    arrays: current,
    own: () => own,
    state: () => ({
      ...(rule === undefined ? {} : { rule }),
      updatesSinceSync,
      own: own !== undefined,
    }),
    prepare: Effect.fnUntraced(function* (next, student) {
      rule = next;
      if (next._tag !== "live" && own === undefined) own = yield* sets.copy(student);
    }),
    advance: Effect.fnUntraced(function* (next, student) {
      rule = next;
      updatesSinceSync += 1;
      switch (next._tag) {
        case "ema":
          if (own !== undefined && next.rate > 0)
            own = yield* sets.towards(own, student, next.rate);
          return;
        case "hard-sync":
          if (updatesSinceSync < next.every) return;
          updatesSinceSync = 0;
          return yield* replace(yield* sets.copy(student));
        case "frozen":
        case "live":
        case "trust-region":
          return;
      }
    }),
    drift: (student) => {
      const arrays = current();
      return arrays === undefined ? Effect.succeed(0) : sets.distance(arrays, student);
    },
    restore: Effect.fnUntraced(function* (state, arrays) {
      rule = state.rule;
      updatesSinceSync = state.updatesSinceSync;
      yield* replace(arrays);
    }),
  };
};
