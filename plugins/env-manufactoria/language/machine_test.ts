import { Result } from "effect";
import { assert, describe, it } from "vitest";
import { EXAMPLE } from "../manual.ts";
import { haltReason, MAX_STEPS, runProgram } from "./machine.ts";
import { parseProgram } from "./parse_program.ts";

const run = (body: string, tape: string) =>
  runProgram(Result.getOrThrow(parseProgram(`${body}\nEND end`)), tape);
const puller = (type: string, routes: string) =>
  `START start:\n    NEXT p\n${type} p:\n${routes.replaceAll(/^/gm, "    ")}`;

describe("runProgram()", () => {
  it("accepts at the end with whatever is left on the tape", () => {
    const { halt, tape, path } = run("START start:\n    NEXT end", "RBYG");
    assert.deepStrictEqual([halt, tape, path], ["end", "RBYG", ["start", "end"]]);
  });

  it("takes a colour of the puller's pair from the front, and nothing else", () => {
    const body = puller("PULLER_RB", "[R] end\n[EMPTY] end");
    assert.deepInclude(run(body, "RY"), { halt: "end", tape: "Y" });
    assert.deepInclude(run(body, "YR"), { halt: "end", tape: "YR" });
    assert.deepInclude(run(body, ""), { halt: "end", tape: "" });
    // Blue is taken, too: then its route is missing.
    const missing = run(body, "BY");
    assert.deepInclude(missing, { halt: "none", tape: "Y", path: ["start", "p", "NONE"] });
    assert.strictEqual(haltReason(missing), "Routed to NONE");
  });

  it("paints at the back", () => {
    const body =
      "START start:\n    NEXT a\nPAINTER_GREEN a:\n    NEXT b\nPAINTER_YELLOW b:\n    NEXT end";
    assert.deepInclude(run(body, "R"), { halt: "end", tape: "RGY" });
  });

  it("knows the end by the name end alone: the target END is read, but leads nowhere", () => {
    const lost = run("START start:\n    NEXT END", "R");
    assert.deepStrictEqual(
      [lost.halt, haltReason(lost), lost.path],
      ["unknown", "Unknown node: END", ["start", "END"]],
    );
    const declared = run("START start:\n    NEXT END\nPULLER_RB END:\n    [R] end", "R");
    assert.strictEqual(declared.halt, "end");
  });

  it(`visits ${MAX_STEPS} nodes, the last one included`, () => {
    const loop = run(puller("PULLER_RB", "[EMPTY] p"), "Y");
    assert.deepStrictEqual([loop.halt, loop.path.length, loop.tape], ["limit", MAX_STEPS, "Y"]);
    assert.match(haltReason(loop) ?? "", /infinite loop/);
    // start, one look for each red, one for the empty tape, end.
    const count = puller("PULLER_RB", "[R] p\n[EMPTY] end");
    assert.strictEqual(run(count, "R".repeat(MAX_STEPS - 3)).halt, "end");
    assert.strictEqual(run(count, "R".repeat(MAX_STEPS - 2)).halt, "limit");
  });

  it("runs the manual's example as the manual says", () => {
    const program = Result.getOrThrow(parseProgram(EXAMPLE));
    for (const tape of ["", "R", "BRB", "Y", "RG", "RBYR"]) {
      assert.strictEqual(runProgram(program, tape).halt === "end", !/[YG]/.test(tape), tape);
    }
  });
});
