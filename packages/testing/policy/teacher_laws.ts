/** Laws of what an update leaves behind: the teacher's rule, and what is saved. */
import type { TeacherRule } from "@resd/core";
import { Effect } from "effect";
import { demand, type Law, law } from "../law.ts";
import {
  distillFor,
  farthest,
  type PolicyBench,
  probe,
  sampledBatch,
  versionsOf,
} from "./bench.ts";

const RATE = 0.25;
const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-3 * Math.max(1e-6, b);

export const teacherLaws = <E, R>(bench: PolicyBench<E, R>): ReadonlyArray<Law<R>> => {
  const { settings } = bench;
  /** Two updates under a rule, with versions and reports after each. Nothing where the policy lacks the rule. */
  const underRule = (rule: TeacherRule) =>
    bench.fresh(
      Effect.fnUntraced(function* (policy) {
        if (!policy.capabilities.teachers.includes(rule._tag)) return undefined;
        const before = yield* versionsOf(policy);
        const batch = yield* sampledBatch(policy, settings);
        const step = Effect.gen(function* () {
          const report = yield* policy.update(batch, distillFor(policy, rule), { lr: settings.lr });
          const [student, teacher] = yield* versionsOf(policy);
          return { drift: report.teacherDrift, delta: report.paramDeltaNorm, student, teacher };
        });
        return { teacher: before[1], first: yield* step, second: yield* step };
      }),
    );
  return [
    law(
      "policy.teacher.frozen",
      "a frozen teacher never moves",
      Effect.gen(function* () {
        const seen = yield* underRule({ _tag: "frozen" });
        if (seen === undefined) return;
        const { teacher, first, second } = seen;
        yield* demand(
          first.teacher === teacher && second.teacher === teacher && near(first.drift, first.delta),
          "the teacher's first version, as far away as the student moved",
          seen,
          "the teacher shares memory with the student, or another rule ran",
        );
      }),
    ),
    law(
      "policy.teacher.ema",
      "the first update leaves an EMA teacher of rate r behind by (1 − r) of the student's change",
      Effect.gen(function* () {
        const seen = yield* underRule({ _tag: "ema", rate: RATE });
        if (seen === undefined) return;
        const { first, teacher } = seen;
        yield* demand(
          near(first.drift, (1 - RATE) * first.delta) && first.teacher !== teacher,
          `a drift of ${(1 - RATE) * first.delta}`,
          `${first.drift}`,
          "teacher ← (1 − rate)·teacher + rate·student: the rate is no retention",
        );
      }),
    ),
    law(
      "policy.teacher.live",
      "a live teacher is the student",
      Effect.gen(function* () {
        const seen = yield* underRule({ _tag: "live" });
        if (seen === undefined) return;
        const { first, second } = seen;
        yield* demand(
          first.drift === 0 && second.drift === 0 && second.teacher === second.student,
          "no drift, and one version for both",
          seen,
          "",
        );
      }),
    ),
    law(
      "policy.teacher.hard-sync",
      "a hard-synced teacher stays for its period and then is the student",
      Effect.gen(function* () {
        const seen = yield* underRule({ _tag: "hard-sync", every: 2 });
        if (seen === undefined) return;
        const { teacher, first, second } = seen;
        yield* demand(
          first.teacher === teacher && second.teacher === second.student && second.drift === 0,
          "the old teacher after one update of two, the student after the second",
          seen,
          "count updates that were not skipped",
        );
      }),
    ),
  ];
};

export const saveLaws = <E, R>(bench: PolicyBench<E, R>): ReadonlyArray<Law<R>> => {
  const { settings } = bench;
  const { folder, lr, tolerance } = settings;
  if (folder === undefined) return [];
  return [
    law(
      "policy.save.all",
      "a policy loaded from what another saved is the other: versions, answers and next update",
      Effect.gen(function* () {
        const original = yield* bench.fresh(
          Effect.fnUntraced(function* (policy) {
            const batch = yield* sampledBatch(policy, settings);
            const [rule] = policy.capabilities.teachers.includes("ema")
              ? [{ _tag: "ema", rate: RATE } as const]
              : [undefined];
            const objective = distillFor(policy, rule);
            for (let i = 0; i < 2; i++) yield* policy.update(batch, objective, { lr });
            yield* policy.save(folder, "all");
            const versions = yield* versionsOf(policy);
            const report = yield* policy.update(batch, objective, { lr });
            const after = [
              ...(yield* probe(policy, batch)),
              ...(yield* probe(policy, batch, "teacher")),
            ];
            return { batch, objective, versions, report, after };
          }),
        );
        const loaded = yield* bench.fresh(
          Effect.fnUntraced(function* (policy) {
            yield* policy.load(folder);
            const versions = yield* versionsOf(policy);
            const { batch, objective } = original;
            const report = yield* policy.update(batch, objective, { lr });
            const after = [
              ...(yield* probe(policy, batch)),
              ...(yield* probe(policy, batch, "teacher")),
            ];
            return { versions, report, after };
          }),
        );
        yield* demand(
          loaded.versions.join() === original.versions.join(),
          `${original.versions.join(" and ")} as versions of student and teacher`,
          loaded.versions,
          'save "all" holds both roles exactly',
        );
        const distance = farthest(loaded.after, original.after);
        yield* demand(
          distance <= tolerance && near(loaded.report.gradNorm, original.report.gradNorm),
          "the same next update",
          { distance, gradNorm: [original.report.gradNorm, loaded.report.gradNorm] },
          "optimizer moments and counters belong to the state",
        );
      }),
    ),
    law(
      "policy.save.missing",
      "loading what is not there is refused, and nothing changes",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const before = yield* versionsOf(policy);
          const outcome = yield* Effect.result(policy.load(`${folder}/no-such-folder`));
          const after = yield* versionsOf(policy);
          yield* demand(
            outcome._tag === "Failure" &&
              ["model-files", "io"].includes(outcome.failure.reason) &&
              before.join() === after.join(),
            'a PolicyError with reason "model-files" or "io", and the weights from before',
            outcome._tag === "Failure" ? outcome.failure : "success",
            "read everything before replacing anything",
          );
        }),
      ),
    ),
  ];
};
