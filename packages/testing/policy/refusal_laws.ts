/** Laws of updates that must not happen: they are refused or skipped, and leave student and teacher as they were. */
import { Effect } from "effect";
import { demand, type Law, law } from "../law.ts";
import {
  demandRefused,
  distillFor,
  OBJECTIVES,
  type PolicyBench,
  sampledBatch,
  versionsOf,
} from "./bench.ts";

export const refusalLaws = <E, R>(bench: PolicyBench<E, R>): ReadonlyArray<Law<R>> => {
  const { settings } = bench;
  const { lr } = settings;
  return [
    law(
      "policy.update.suffix",
      "a teacher sequence that does not end in the student's own tokens is refused, and nothing changes",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const batch = yield* sampledBatch(policy, settings);
          const [first, ...rest] = batch;
          if (first?.teacher === undefined) return;
          const { ids, from } = first.teacher;
          const other = ids.with(from, ids[from] === 0 ? 1 : 0);
          const shorter = ids.slice(0, -1);
          for (const changed of [other, shorter]) {
            const wrong = [{ ...first, teacher: { ids: changed, from } }, ...rest];
            const update = policy.update(wrong, distillFor(policy), { lr });
            yield* demandRefused(policy, update, "bad-request", "a teacher with another suffix");
          }
        }),
      ),
    ),
    law(
      "policy.update.lengths",
      "masks and behaviour log-probs of another length are refused, and nothing changes",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const [first, ...rest] = yield* sampledBatch(policy, settings);
          if (first === undefined) return;
          const longer = first.mask.length + 1;
          for (const wrong of [
            { ...first, mask: new Uint8Array(longer).fill(1) },
            { ...first, behaviour: new Float32Array(longer) },
          ]) {
            const update = policy.update([wrong, ...rest], distillFor(policy), { lr });
            yield* demandRefused(policy, update, "bad-request", "a wrong length");
          }
        }),
      ),
    ),
    law(
      "policy.update.unsupported",
      "objectives and teachers beyond the stated capabilities are refused, and nothing changes",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const batch = (yield* sampledBatch(policy, settings)).map((sample) => ({
            ...sample,
            advantage: 1,
          }));
          const { objectives, teachers } = policy.capabilities;
          for (const [kind, objective] of Object.entries(OBJECTIVES)) {
            if (objectives.some((known) => known === kind)) continue;
            const update = policy.update(batch, objective, { lr });
            yield* demandRefused(policy, update, "unsupported", kind);
          }
          if (!teachers.includes("trust-region")) {
            const objective = distillFor(policy, { _tag: "trust-region", rate: 0.1 });
            const update = policy.update(batch, objective, { lr });
            yield* demandRefused(policy, update, "unsupported", "a trust-region teacher");
          }
        }),
      ),
    ),
    law(
      "policy.update.non-finite",
      "an update that is not finite is skipped or refused, and changes nothing, not even the teacher",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const gradient = policy.capabilities.objectives.includes("policy-gradient");
          const batch = (yield* sampledBatch(policy, settings)).map((sample, i) => ({
            ...sample,
            ...(gradient ? { advantage: i === 0 ? Number.NaN : 1 } : { weight: Number.NaN }),
          }));
          const teacher = policy.capabilities.teachers.includes("ema")
            ? ({ _tag: "ema", rate: 0.5 } as const)
            : undefined;
          const objective = OBJECTIVES["policy-gradient"];
          const before = yield* versionsOf(policy);
          const outcome = yield* Effect.result(
            policy.update(
              batch,
              gradient && objective !== undefined ? objective : distillFor(policy, teacher),
              { lr, clipNorm: 1 },
            ),
          );
          const fine =
            outcome._tag === "Failure"
              ? outcome.failure.reason === "bad-request"
              : outcome.success.skipped !== undefined;
          yield* demand(
            fine,
            'a report with "skipped", or a PolicyError with reason "bad-request"',
            outcome._tag === "Failure" ? outcome.failure : outcome.success,
            "look at the gradient norm before the step",
          );
          const after = yield* versionsOf(policy);
          yield* demand(
            before.join() === after.join(),
            "the weights from before",
            after,
            "a skipped update moves neither student nor teacher",
          );
        }),
      ),
    ),
  ];
};
