import { evaluationAt } from "@resd/testing";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { eventsOf, makeWorld, smallConfig } from "./_world.ts";
import { bestPoint, isOutOfPatience } from "./best.ts";
import type { CurvePoint } from "./summary.ts";
import { train } from "./train.ts";

const curveOf = (student: ReadonlyArray<number>, select: ReadonlyArray<number> = []) =>
  student.map((share, i): CurvePoint => ({
    update: 4 * i,
    interactions: 8 * i,
    student: evaluationAt(share),
    ...(select[i] === undefined ? {} : { select: evaluationAt(select[i]) }),
  }));
const waiting = {
  every: 4,
  tasks: "all",
  samples: 4,
  teacher: false,
  keepBest: "perTask",
  patience: 2,
} as const;

describe("bestPoint", () => {
  it("bestPoint() is the earliest of the best", () => {
    assert.strictEqual(bestPoint(curveOf([0.1, 0.6, 0.2, 0.6]), "perTask")?.update, 4);
    assert.isUndefined(bestPoint([], "perTask"));
  });

  it("bestPoint() goes by the tasks that choose, where there are any", () => {
    const curve = curveOf([0.1, 0.6, 0.2], [0.1, 0.3, 0.4]);
    assert.strictEqual(bestPoint(curve, "perTask")?.update, 8);
  });
});

describe("isOutOfPatience", () => {
  it("isOutOfPatience() holds after so many evaluations in a row without a better one", () => {
    assert.isFalse(isOutOfPatience(waiting, []));
    assert.isFalse(isOutOfPatience(waiting, curveOf([0.1, 0.5, 0.4])));
    assert.isTrue(isOutOfPatience(waiting, curveOf([0.1, 0.5, 0.4, 0.5])));
    assert.isFalse(isOutOfPatience(waiting, curveOf([0.1, 0.5, 0.4, 0.51])));
  });

  it("isOutOfPatience() never holds without patience", () => {
    const { patience: _, ...patient } = waiting;
    assert.isFalse(isOutOfPatience(patient, curveOf([0.5, 0, 0, 0, 0, 0])));
  });
});

describe("train", () => {
  /** Right on held-out tasks while updates 2 and 3 are the last ones made, on the others of a third split at update 4. */
  const passing = () =>
    makeWorld({
      manifest: {
        splits: {
          train: { size: "options", license: "Apache-2.0" },
          heldOut: { size: "options", license: "Apache-2.0" },
          choose: { size: "options", license: "Apache-2.0" },
        },
      },
      answer: ({ word, updates }) =>
        (word.startsWith("choose") ? updates === 4 : updates === 2 || updates === 3) ? word : "no",
    });
  const keeping = {
    every: 1,
    tasks: "all",
    samples: 1,
    teacher: false,
    keepBest: "perTask",
  } as const;
  const keptIn = Effect.fnUntraced(function* (
    world: ReturnType<typeof makeWorld>,
    config: ReturnType<typeof smallConfig>,
  ) {
    const kept: Array<string> = [];
    const keep = ({ update }: { readonly update: number }) =>
      Effect.map(world.policy.version("student"), (version) => {
        kept.push(`${update} ${version}`);
      }).pipe(Effect.orDie);
    const summary = yield* Effect.provide(train(config, { name: "resd", keep }), world.layer);
    return { kept, summary };
  });

  it.effect(
    "train() keeps the policy whenever it is the best so far, and says which was last",
    () =>
      Effect.gen(function* () {
        const world = passing();
        const { kept, summary } = yield* keptIn(
          world,
          smallConfig({ updates: 6, evaluation: keeping }),
        );
        assert.deepEqual(kept, ["0 v0", "2 v2"]);
        assert.include(summary.best, { update: 2, interactions: 4, split: "heldOut", value: 1 });
        assert.strictEqual(summary.best?.heldOut.perTask, 1);
        assert.strictEqual(summary.heldOut.after?.perTask, 0);
        assert.deepEqual(summary.rankSum, { update: 2, interactions: 4 });
        const codes = eventsOf(world.events, "Warned").map((event) => event.code);
        assert.include(codes, "best-picked-on-held-out");
      }),
  );

  it.effect(
    "train() chooses by a third split, where one is named, and reports on the held-out one",
    () =>
      Effect.gen(function* () {
        const world = passing();
        const { kept, summary } = yield* keptIn(
          world,
          smallConfig({
            updates: 6,
            evaluation: keeping,
            splits: { train: "train", evaluate: "heldOut", select: "choose" },
          }),
        );
        assert.deepEqual(kept, ["0 v0", "4 v4"]);
        assert.include(summary.best, { update: 4, split: "choose", value: 1 });
        assert.strictEqual(summary.best?.heldOut.perTask, 0);
        assert.deepEqual(
          summary.curve.map((point) => point.select?.perTask),
          [0, 0, 0, 0, 1, 0, 0],
        );
        assert.notInclude(
          eventsOf(world.events, "Warned").map((event) => event.code),
          "best-picked-on-held-out",
        );
      }),
  );

  it.effect("train() ends when so many evaluations in a row were none better than the best", () =>
    Effect.gen(function* () {
      const world = passing();
      const evaluation = { ...keeping, patience: 3 };
      const { summary } = yield* keptIn(world, smallConfig({ updates: 40, evaluation }));
      assert.include(summary, { updates: 5, endedBy: "patience" });
      assert.strictEqual(summary.best?.update, 2);
      assert.strictEqual(eventsOf(world.events, "Ended")[0]?.outcome, "finished");
    }),
  );
});
