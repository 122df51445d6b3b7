import type { Distill } from "@resd/core";
import { graph, input, interpret } from "@resd/tensor";
import { assert, describe, it } from "vitest";
import { distribution, entropy } from "./distribution.ts";
import { tokenDivergence } from "./token_divergence.ts";

const z = [2, -1, 0.5, 0, 30, -30, 29, -1000];
const probabilities = (row: ReadonlyArray<number>): ReadonlyArray<number> => {
  const greatest = Math.max(...row);
  const total = row.reduce((sum, x) => sum + Math.exp(x - greatest), 0);
  return row.map((x) => Math.exp(x - greatest) / total);
};
const H = (p: ReadonlyArray<number>): number =>
  p.reduce((sum, x) => (x === 0 ? sum : sum - x * Math.log(x)), 0);
const rows = [z.slice(0, 4), z.slice(4)] as const;

describe("distribution()", () => {
  it("gives softmax, its normaliser and its entropy, for flat and for sharp rows", () => {
    const { p, logNormalizer, ...rest } = distribution(input("z", [2, 4]));
    const program = graph({ p, logNormalizer, entropy: entropy({ p, logNormalizer, ...rest }) });
    for (const precision of ["f64", "f32"] as const) {
      const out = interpret(program, { z }, { precision });
      const within = precision === "f64" ? 1e-12 : 1e-5;
      rows.forEach((row, n) => {
        const wanted = probabilities(row);
        wanted.forEach((x, v) => assert.closeTo(out.p?.[4 * n + v] as number, x, within));
        assert.closeTo(out.entropy?.[n] as number, H(wanted), within);
        const logZ = (row[0] as number) - Math.log(wanted[0] as number);
        assert.closeTo(out.logNormalizer?.[n] as number, logZ, within);
      });
    }
  });
});

describe("tokenDivergence()", () => {
  it("reports entropies of the raw top-k part, neither with a tail nor renormalised", () => {
    const teacher = [...rows[1], ...rows[0]];
    for (const rest of ["tail", "renormalize"] as const) {
      const objective: Distill = {
        _tag: "Distill",
        alpha: 1,
        support: { _tag: "top-k", k: 2, rest },
        aggregation: "token-mean",
        teacher: { _tag: "frozen" },
      };
      const { studentEntropy, teacherEntropy } = tokenDivergence({
        student: input("z", [2, 4]),
        teacher: input("zT", [2, 4]),
        tokens: input("y", [2], "i32"),
        objective,
      });
      const out = interpret(graph({ studentEntropy, teacherEntropy }), {
        z,
        zT: teacher,
        y: [0, 1],
      });
      const top = [
        [0, 2],
        [0, 2],
      ];
      rows.forEach((row, n) => {
        const at = (p: ReadonlyArray<number>) => top[n]?.map((v) => p[v] as number) ?? [];
        const other = rows[1 - n] as ReadonlyArray<number>;
        assert.closeTo(out.studentEntropy?.[n] as number, H(at(probabilities(row))), 1e-12);
        assert.closeTo(out.teacherEntropy?.[n] as number, H(at(probabilities(other))), 1e-12);
      });
    }
  });
});
