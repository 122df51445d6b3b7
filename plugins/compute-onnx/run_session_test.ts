import { Compute } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { gatherRows, graph, input, mul } from "@resd/tensor";
import { Effect } from "effect";
import * as ort from "onnxruntime-node";
import { lowerGraph } from "./lower_graph.ts";
import { layer } from "./mod.ts";
import { MUCH_TO_COPY, runSession } from "./run_session.ts";

const LENGTH = MUCH_TO_COPY / 4;

/** x·x: as many numbers as are just too many to be copied, or one less. */
const square = (length: number) => {
  const x = input("x", [length]);
  return lowerGraph(graph({ y: mul(x, x) }));
};

describe("runSession()", () => {
  it("writes results into the arrays that it is given, of which the binding hands none back", async () => {
    const plan = square(LENGTH);
    const session = await ort.InferenceSession.create(plan.model!);
    const x = new Float32Array(LENGTH).fill(3);
    const y = new Float32Array(LENGTH);
    const feeds = { [plan.feeds[0]!.name]: new ort.Tensor("float32", x, [LENGTH]) };
    const fetches = { [plan.fetches[0]!.name]: new ort.Tensor("float32", y, [LENGTH]) };
    await runSession(session, feeds, fetches, plan.stop);
    assert.deepStrictEqual(y, new Float32Array(LENGTH).fill(9));
    // Where this no longer fails, the binding copies again, or has stopped to: then nothing has to be in its way.
    const refused = await session
      .run(feeds, { [plan.stop!]: null, ...fetches })
      .then(() => "", String);
    assert.include(refused, "Non tensor type");
    await session.release();
  });

  it("leaves programs of little to copy as they are", () => {
    assert.isUndefined(square(LENGTH - 1).stop);
  });

  it.live("passes on what goes wrong inside the session", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const rows = gatherRows(input("table", [4, LENGTH]), input("ids", [1], "i32"));
      const program = yield* compute.compile(graph({ rows }, { name: "look up" }));
      const table = new Float32Array(4 * LENGTH).fill(1);
      const failed = yield* Effect.flip(program.run({ table, ids: Int32Array.of(4) }));
      assert.include(failed.message, "Gather");
      assert.strictEqual(failed.op, "look up");
      const { values } = yield* program.run({ table, ids: Int32Array.of(3) }, { read: ["rows"] });
      assert.strictEqual(values["rows"]![LENGTH - 1], 1);
    }).pipe(Effect.provide(layer({ threads: 2 }))),
  );
});
