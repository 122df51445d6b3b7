/** Laws of teaching a policy: an update changes what it says it changes, and a bad one changes nothing. */
import type { TrainSample, UpdateReport } from "@resd/core";
import { Effect } from "effect";
import { demand, type Law, law } from "../law.ts";
import {
  distillFor,
  farthest,
  near,
  onFresh,
  type PolicyBench,
  probe,
  sampledBatch,
  withoutTeacher,
} from "./bench.ts";

const sameUpdate = (a: UpdateReport, b: UpdateReport): boolean =>
  near(a.loss, b.loss) && near(a.gradNorm, b.gradNorm) && near(a.paramDeltaNorm, b.paramDeltaNorm);

const numbers = ({ loss, gradNorm, paramDeltaNorm }: UpdateReport) => ({
  loss,
  gradNorm,
  paramDeltaNorm,
});

export const updateLaws = <E, R>(bench: PolicyBench<E, R>): ReadonlyArray<Law<R>> => {
  const { settings } = bench;
  const { lr, tolerance } = settings;
  /** One update on a fresh policy, with what it makes of the batch afterwards. */
  const updateOnce = (change: (batch: ReadonlyArray<TrainSample>) => ReadonlyArray<TrainSample>) =>
    bench.fresh(
      Effect.fnUntraced(function* (policy) {
        const batch = yield* sampledBatch(policy, settings);
        const report = yield* policy.update(change(batch), distillFor(policy), { lr });
        return { report, after: yield* probe(policy, batch) };
      }),
    );
  /** A token-mean update is the same with the first sample changed like this as it is without that sample. */
  const countsForNothing = (change: (sample: TrainSample) => TrainSample, hint: string) =>
    Effect.gen(function* () {
      const without = yield* updateOnce((batch) => batch.slice(1));
      const changed = yield* updateOnce((batch) =>
        batch.map((sample, i) => (i === 0 ? change(sample) : sample)),
      );
      yield* demand(
        sameUpdate(without.report, changed.report) &&
          farthest(without.after, changed.after) <= tolerance,
        "the update without the sample",
        { without: numbers(without.report), with: numbers(changed.report) },
        hint,
      );
    });
  return [
    law(
      "policy.update.version",
      "an update changes the student's version, and what is sampled next carries the new one",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const before = yield* policy.version("student");
          const batch = yield* sampledBatch(policy, settings);
          const report = yield* policy.update(batch, distillFor(policy), { lr });
          const after = yield* policy.version("student");
          yield* demand(
            after !== before && report.policyVersion === after && report.paramDeltaNorm > 0,
            "a new version, in the report as well, and a positive change of the parameters",
            { before, after, report: report.policyVersion, delta: report.paramDeltaNorm },
            "the version is a hash of the weights",
          );
          const requests = batch.map(({ id, student }) => ({
            id,
            prompt: student.ids.slice(0, student.from),
            seed: 1,
            sampling: { temperature: 1, topP: 1, topK: 0, stop: [], maxTokens: 1 },
            as: "student" as const,
          }));
          for (const { policyVersion } of yield* policy.generate(requests)) {
            yield* demand(
              policyVersion === after,
              after,
              policyVersion,
              "answers come from old weights",
            );
          }
        }),
      ),
    ),
    law(
      "policy.update.still",
      "an update with learning rate 0 changes neither weights nor version",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const before = yield* policy.version("student");
          const batch = yield* sampledBatch(policy, settings);
          const report = yield* policy.update(batch, distillFor(policy), { lr: 0 });
          const after = yield* policy.version("student");
          yield* demand(
            after === before && report.paramDeltaNorm === 0,
            "the version from before and no change of the parameters",
            { before, after, delta: report.paramDeltaNorm },
            "the first update of a warm-up has learning rate 0",
          );
        }),
      ),
    ),
    law(
      "policy.update.learns",
      "repeating an update on one batch brings the student to the teacher",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const batch = yield* sampledBatch(policy, settings);
          const objective = distillFor(policy);
          const losses: Array<number> = [];
          for (let i = 0; i < 8; i++) {
            const { samples } = yield* policy.update(batch, objective, { lr });
            const tokens = samples.reduce((sum, sample) => sum + sample.tokens, 0);
            losses.push(
              samples.reduce((sum, { divergence, tokens: n }) => sum + divergence * n, 0) / tokens,
            );
          }
          // The estimate at sampled tokens can have either sign; what must shrink is its size.
          const [first, last] = [Math.abs(losses[0] as number), Math.abs(losses.at(-1) as number)];
          yield* demand(
            last < first,
            "a smaller divergence after eight updates",
            losses,
            "gradient, sign or learning rate is wrong, or teacher and student see the same prompt",
          );
        }),
      ),
    ),
    law(
      "policy.update.report",
      "the report has every sample in order, with its tokens and finite numbers, and a small log-prob gap",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const batch = yield* sampledBatch(policy, settings);
          const report = yield* policy.update(batch, distillFor(policy), { lr });
          yield* demand(
            report.samples.map(({ id }) => id).join() === batch.map(({ id }) => id).join(),
            "the batch's ids in order",
            report.samples.map(({ id }) => id),
            "one entry for every sample",
          );
          for (const [i, sample] of report.samples.entries()) {
            const tokens = batch[i]?.mask.length ?? 0;
            const finite = [
              sample.loss,
              sample.divergence,
              sample.studentEntropy,
              sample.teacherEntropy,
              sample.clampedFraction,
            ].every(Number.isFinite);
            yield* demand(
              sample.tokens === tokens && finite && (sample.logRatio?.length ?? tokens) === tokens,
              `${tokens} tokens and finite numbers`,
              sample,
              `at sample ${i}`,
            );
          }
          yield* demand(
            [report.loss, report.gradNorm, report.teacherDrift].every(Number.isFinite) &&
              report.logProbGap <= tolerance,
            `finite numbers and a log-prob gap of at most ${tolerance}`,
            { ...numbers(report), drift: report.teacherDrift, gap: report.logProbGap },
            "the batch was sampled by these very weights",
          );
        }),
      ),
    ),
    law(
      "policy.update.unsampled",
      "a sample without a teacher leaves a token-mean update as it is",
      countsForNothing(withoutTeacher, "samples without a teacher have mask 0"),
    ),
    law(
      "policy.update.masked",
      "tokens with mask 0 leave a token-mean update as it is",
      countsForNothing(
        (sample) => ({ ...sample, mask: new Uint8Array(sample.mask.length) }),
        "the coefficients carry the mask and the denominators of the whole batch",
      ),
    ),
    law(
      "policy.update.weights",
      "weights multiply the loss and not its denominators",
      Effect.gen(function* () {
        const once = yield* updateOnce((batch) => batch);
        const twice = yield* updateOnce((batch) =>
          batch.map((sample) => ({ ...sample, weight: 2 })),
        );
        yield* demand(
          near(2 * once.report.loss, twice.report.loss) &&
            near(2 * once.report.gradNorm, twice.report.gradNorm),
          "twice the loss and gradient norm for weights of 2",
          { once: numbers(once.report), twice: numbers(twice.report) },
          "a weight is a factor of its sample's tokens and no part of a mean's count",
        );
      }),
    ),
    law(
      "policy.update.nothing",
      "a batch with nothing to distil has loss 0 and gradient 0",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const batch = (yield* sampledBatch(policy, settings)).map(withoutTeacher);
          const report = yield* policy.update(batch, distillFor(policy), { lr });
          yield* demand(
            report.loss === 0 && report.gradNorm === 0 && Number.isFinite(report.paramDeltaNorm),
            "loss 0 and gradient norm 0",
            numbers(report),
            "0/0 in an aggregation",
          );
        }),
      ),
    ),
    ...(settings.chunkings ?? []).map((layer, n) =>
      law(
        `policy.update.chunks.${n + 1}`,
        "the size of micro-batches changes neither gradient nor weights",
        Effect.gen(function* () {
          const whole = yield* updateOnce((batch) => batch);
          const chunked = yield* onFresh(
            layer,
            Effect.fnUntraced(function* (policy) {
              const batch = yield* sampledBatch(policy, settings);
              const report = yield* policy.update(batch, distillFor(policy), { lr });
              return { report, after: yield* probe(policy, batch) };
            }),
          );
          yield* demand(
            sameUpdate(whole.report, chunked.report) &&
              farthest(whole.after, chunked.after) <= tolerance,
            "the update with other micro-batches",
            { one: numbers(whole.report), other: numbers(chunked.report) },
            "gradients are averaged per micro-batch, or one of them is lost",
          );
        }),
      ),
    ),
    law(
      "policy.update.clip",
      "the gradient norm is reported as it was before clipping",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          if (!policy.capabilities.gradClip) return;
          const batch = yield* sampledBatch(policy, settings);
          const free = yield* policy.update(batch, distillFor(policy), { lr: 0 });
          const clipNorm = free.gradNorm / 100;
          const clipped = yield* policy.update(batch, distillFor(policy), { lr: 0, clipNorm });
          yield* demand(
            near(free.gradNorm, clipped.gradNorm),
            `${free.gradNorm}`,
            `${clipped.gradNorm}`,
            "alerts watch the norm before clipping",
          );
        }),
      ),
    ),
  ];
};
