/** Laws of scoring given tokens. */
import { Effect } from "effect";
import { demand, type Law, law } from "../law.ts";
import { type PolicyBench, reasonOf, sampledBatch } from "./bench.ts";

export const scoreLaws = <E, R>(bench: PolicyBench<E, R>): ReadonlyArray<Law<R>> => {
  const { settings } = bench;
  return [
    law(
      "policy.score.top",
      "the top log-probs are descending, sum to at most 1, and agree with the token's own",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const most = policy.capabilities.topK;
          const topK = most === "full" ? 4 : Math.min(4, most);
          if (topK === 0) return;
          const batch = yield* sampledBatch(policy, settings);
          const items = batch.map(({ student }) => ({ ...student, as: "student" as const, topK }));
          const scores = yield* policy.score(items);
          for (const [i, { logProbs, top }] of scores.entries()) {
            const suffix = items[i]?.ids.subarray(items[i]?.from) ?? new Int32Array(0);
            const hint = `at item ${i}`;
            yield* demand(
              logProbs.length === suffix.length &&
                top?.ids.length === suffix.length * topK &&
                top.logProbs.length === suffix.length * topK,
              `log-probs [${suffix.length}] and top [${suffix.length}, ${topK}]`,
              { logProbs: logProbs.length, ids: top?.ids.length },
              hint,
            );
            for (let t = 0; t < suffix.length; t++) {
              const ids = Array.from(top?.ids.subarray(t * topK, (t + 1) * topK) ?? []);
              const best = Array.from(top?.logProbs.subarray(t * topK, (t + 1) * topK) ?? []);
              const place = ids.indexOf(suffix[t] as number);
              const descending = best.every((x, k) => k === 0 || x <= (best[k - 1] as number));
              const mass = best.reduce((sum, x) => sum + Math.exp(x), 0);
              const own = logProbs[t] as number;
              const agrees =
                place >= 0
                  ? Math.abs((best[place] as number) - own) <= settings.tolerance
                  : own <= (best[topK - 1] as number) + settings.tolerance;
              yield* demand(
                descending && mass <= 1 + 1e-4 && agrees,
                "descending log-probs of mass at most 1 that hold the token's own",
                { ids, best, own },
                `${hint}, token ${t}`,
              );
            }
          }
        }),
      ),
    ),
    law(
      "policy.score.bad",
      "a start outside of the sequence is refused",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const [sample] = yield* sampledBatch(policy, settings);
          const ids = sample?.student.ids ?? new Int32Array(1);
          for (const from of [0, -1, ids.length + 1, 1.5]) {
            const reason = yield* reasonOf(policy.score([{ ids, from, as: "student" }]));
            yield* demand(
              reason === "bad-request",
              'a PolicyError with reason "bad-request"',
              reason,
              `at from ${from} of ${ids.length} ids: the first token has nothing before it`,
            );
          }
        }),
      ),
    ),
  ];
};
