import { type Random, SignalReason, makeRandom } from "@resd/core";
import { evaluationAt } from "@resd/testing";
import { assert, describe, it } from "vitest";
import type { Metrics } from "../metrics.ts";
import type { CurvePoint } from "../summary.ts";
import { diagnose } from "./diagnose.ts";
import { type RunHistory, WINDOW } from "./history.ts";

/** The metrics of an update in which nothing is wrong. */
const healthy = (success: number, changes: Metrics = {}): Metrics => ({
  learningRate: 1e-3,
  gradNorm: 0.3,
  paramDeltaNorm: 0.5,
  teacherDrift: 3,
  logProbGap: 1e-6,
  divergence: 0.2,
  clampedFraction: 0.05,
  "entropy/student": 0.3,
  "entropy/teacher": 0.2,
  "tokens/trained": 200,
  "tokens/perAttempt": 13,
  "train/success": success,
  "train/solved": success,
  "train/reward": success,
  "train/truncated": 0,
  "parse/ok": 16,
  reflections: 16 * (1 - success),
  lessons: 16 * (1 - success),
  "reflections/ok": 16 * (1 - success),
  curations: 16 * (1 - success),
  "curations/ok": 16 * (1 - success),
  "signal/reflection": 16 * (1 - success),
  "signal/own-solution": 16 * success,
  "playbook/size": 16,
  "playbook/added": 0,
  "playbook/removed": 0,
  "teacher/promptTokens": 90,
  ...changes,
});

const historyOf = (
  rows: ReadonlyArray<Metrics>,
  evaluations: ReadonlyArray<CurvePoint> = [],
): RunHistory => ({
  updates: rows.map((metrics, i) => ({ update: i + 1, metrics })),
  evaluations,
});
const causes = (history: RunHistory) => diagnose(history).map(({ cause }) => cause);

/** Any values at all, some of them missing, infinite or no numbers. */
const anything = (random: Random): Metrics => {
  const keys = [...Object.keys(healthy(0)), ...SignalReason.literals.map((one) => `signal/${one}`)];
  const strange = [0, -1, Number.NaN, Infinity, 1e300, 1e-300, "text"];
  return Object.fromEntries(
    keys.flatMap((key) => {
      const draw = random.next();
      if (draw < 0.1) return [];
      return [[key, draw < 0.3 ? random.pick(strange) : random.next() * 10 ** (random.int(9) - 5)]];
    }),
  );
};
const anyPoint = (random: Random, update: number): CurvePoint => ({
  update,
  interactions: 16 * update,
  student: evaluationAt(random.next(), { perTaskStderr: random.next() / 10 }),
  ...(random.next() < 0.5 ? {} : { teacher: evaluationAt(random.next()) }),
});
const anyHistory = (random: Random): RunHistory => {
  const length = random.int(40);
  return historyOf(
    Array.from({ length }, () => anything(random)),
    Array.from({ length: random.int(8) }, (_, i) => anyPoint(random, i * 4)),
  );
};

describe("diagnose", () => {
  it("diagnose() is total and pure, and names no cause twice, whatever was measured", () => {
    const random = makeRandom("any history");
    for (let round = 0; round < 120; round++) {
      const history = anyHistory(random);
      const copy = structuredClone(history);
      const found = diagnose(history);
      assert.deepEqual(diagnose(copy), found);
      assert.deepEqual(history, copy);
      assert.strictEqual(new Set(found.map(({ cause }) => cause)).size, found.length);
      for (const { message } of found) assert.isAbove(message.length, 40);
    }
  });

  it("diagnose() says nothing before there is something to judge by", () => {
    const dead = healthy(0, { learningRate: 0, gradNorm: 0, divergence: 0 });
    for (let length = 0; length < WINDOW; length++) {
      assert.deepEqual(causes(historyOf(Array(length).fill(dead))), []);
    }
    assert.include(causes(historyOf(Array(WINDOW).fill(dead))), "learning-rate-zero");
  });

  it("diagnose() says nothing of runs that learn, fast or slowly, with noise on everything", () => {
    const random = makeRandom("healthy histories");
    for (let round = 0; round < 20; round++) {
      const length = 30 + random.int(40);
      const start = random.int(length);
      const slope = 0.02 + random.next() / 10;
      const at = (i: number): number => Math.max(0.01, Math.min(1, (i - start) * slope));
      const noisy = (value: number): number => value * (0.7 + 0.6 * random.next());
      const rows = Array.from({ length }, (_, i) => {
        const success = at(i);
        // As tasks are solved student and teacher agree, entropy falls, and nothing is left to learn.
        const left = 1 - 0.98 * success;
        return healthy(success, {
          gradNorm: noisy(0.3 * left),
          divergence: noisy(0.2 * left ** 2),
          "entropy/student": noisy(0.3 * left),
          "tokens/perAttempt": noisy(13),
          paramDeltaNorm: noisy(0.5),
        });
      });
      // Evaluations only while the slope has begun: a run that stands still for long is named, and rightly.
      const points = [0, start, ...[1, 2, 3, 4].map((i) => start + 4 * i)]
        .filter((update) => update <= length)
        .map((update): CurvePoint => ({
          update,
          interactions: 16 * update,
          student: evaluationAt(at(update), { perTaskStderr: 0.03 }),
        }));
      for (let seen = 1; seen <= length; seen++) {
        const history = historyOf(
          rows.slice(0, seen),
          points.filter((point) => point.update <= seen),
        );
        assert.deepEqual(causes(history), [], `update ${seen} of round ${round}`);
      }
    }
  });

  it("diagnose() finds a fault however noisy the rest is, and whatever came before", () => {
    const random = makeRandom("faults");
    const faults: ReadonlyArray<readonly [string, Metrics]> = [
      ["learning-rate-zero", { learningRate: 0 }],
      ["weights-do-not-move", { paramDeltaNorm: 0 }],
      ["teacher-is-student", { divergence: 1e-6 }],
      ["all-clamped", { clampedFraction: 0.99 }],
      ["gradient-zero", { gradNorm: 1e-6 }],
      ["sampler-differs", { logProbGap: 1 }],
      ["answers-unreadable", { "parse/ok": 0, "parse/malformed": 16 }],
      ["reflections-unreadable", { "reflections/ok": 0, "reflections/malformed": 16 }],
      ["no-privileged-text", { "signal/reflection": 0, "signal/none:no-teacher": 16 }],
      ["no-tokens", { "tokens/trained": 0 }],
    ];
    for (const [cause, fault] of faults) {
      for (let round = 0; round < 20; round++) {
        const well = Array.from({ length: random.int(20) }, () =>
          healthy(0, { gradNorm: 0.1 + random.next(), divergence: 0.05 + random.next() / 5 }),
        );
        const ill = Array.from({ length: WINDOW + random.int(8) }, () => healthy(0, fault));
        const found = causes(historyOf([...well, ...ill]));
        assert.include(found, cause);
        assert.notInclude(found, "no-progress");
      }
    }
  });

  it("diagnose() of a window depends on the order of its updates no more than on their sum", () => {
    const random = makeRandom("orders");
    for (let round = 0; round < 50; round++) {
      const rows = Array.from({ length: WINDOW }, () =>
        healthy(0, { gradNorm: random.int(2) / 1e6, clampedFraction: 0.9 + random.int(2) / 10 }),
      );
      assert.sameMembers(causes(historyOf(rows)), causes(historyOf(random.shuffle(rows))));
    }
  });

  it("diagnose() waits for half of a run before it says that results stand still", () => {
    const still = (done: number, planned: number) =>
      causes({
        ...historyOf(
          Array(done).fill(healthy(0.02)),
          Array.from({ length: done / 4 + 1 }, (_, i) => ({
            update: 4 * i,
            interactions: 0,
            student: evaluationAt(0.02, { perTaskStderr: 0.01 }),
          })),
        ),
        planned,
      });
    assert.deepEqual(still(76, 160), []);
    assert.deepEqual(still(80, 160), ["no-progress"]);
    assert.deepEqual(still(20, 30), []);
    assert.deepEqual(still(24, 30), ["no-progress"]);
  });

  it("diagnose() names the collapse of a policy that learns from rewards and explores no more", () => {
    const reward = { "signal/reward": 16, "signal/reflection": 0, "signal/own-solution": 0 };
    const exploring = healthy(0.1, { ...reward, "entropy/student": 0.35 });
    const alike = healthy(0.2, { ...reward, gradNorm: 0, "entropy/student": 0.01 });
    const rows = [...Array(20).fill(exploring), ...Array(WINDOW).fill(alike)];
    assert.deepEqual(causes(historyOf(rows)), ["entropy-collapse"]);
    const never = healthy(0, { ...reward, gradNorm: 0, "entropy/student": 0.35 });
    assert.deepEqual(causes(historyOf(Array(20).fill(never))), ["rewards-equal"]);
  });

  it("diagnose() tells a fall from noise: 3 standard errors and 10 points, twice in a row", () => {
    const fallen = (shares: ReadonlyArray<number>, stderr: number) =>
      causes(
        historyOf(
          Array(20).fill(healthy(0.3)),
          shares.map((share, i) => ({
            update: 4 * i,
            interactions: 0,
            student: evaluationAt(share, { perTaskStderr: stderr }),
          })),
        ),
      );
    assert.deepEqual(fallen([0, 0.6, 0.4, 0.4], 0.03), ["success-falls"]);
    assert.deepEqual(fallen([0, 0.6, 0.4, 0.6], 0.03), []);
    assert.deepEqual(fallen([0, 0.6, 0.4, 0.4], 0.06), []);
    assert.deepEqual(fallen([0, 0.6, 0.52, 0.52], 0.001), []);
  });
});
