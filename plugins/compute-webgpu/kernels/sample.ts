/**
 * Draws one token a row on the device, by the definition of `sampleRow` with sums in f32. One workgroup a row; thresholds of
 * top-k and top-p are found by bisection over the bits of the weights, which needs neither a sort nor memory.
 */
import { attributesOf, type Tensor } from "@resd/tensor";
import { stored } from "../expression.ts";
import type { Kernel } from "../schedule.ts";
import { outputOf, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { combine } from "./reduce.ts";

export const sample = (site: Site): ReadonlyArray<Kernel> => {
  const { root } = site.group;
  const [logits, uniforms, temperatures, topPs] = root.inputs as [Tensor, Tensor, Tensor, Tensor];
  const [B, V] = logits.shape as [number, number];
  if (B === 0) return [];
  const { topK } = attributesOf(root, "sample");
  const lanes = site.target.software ? 16 : 256;
  const writer = new Writer(site.target);
  const { dtype } = logits;
  const read = (x: Tensor): string => writer.buffer(site.value(x), x.dtype);
  const from = read(logits);
  const [uniform, temperature, topP] = [uniforms, temperatures, topPs].map(
    (x) => `f32(${read(x)}[group])`,
  );
  const ids = writer.buffer(site.value(outputOf(root, 0)), "i32", "modify");
  const logProbs = writer.buffer(site.value(outputOf(root, 1)), dtype, "modify");
  const width = writer.u(V);
  const limit = topK > 0 && topK < V ? topK : V;
  /** A sum over the row: every lane adds its own stretch, in order. */
  const total = (name: string, type: "f32" | "u32", element: string): string => {
    writer.line(`var ${name}_ = ${type}();`);
    writer.line(`for (var c = begin; c < end; c++) { ${name}_ += ${element}; }`);
    combine(writer, lanes, type, `${name}_`, "sum", `${type}s`);
    writer.line(`let ${name} = ${type}s[0];`);
    writer.line("workgroupBarrier();");
    return name;
  };
  writer.helper(
    "weight_",
    `fn weight_(x: f32, greatest: f32, temperature: f32) -> f32 { return exp((x - greatest) / temperature); }`,
  );
  writer.line(`if (group >= ${writer.u(B)}) { return; }`);
  writer.line(`let start = group * ${width};`);
  writer.line(`let stretch = (${width} + ${lanes - 1}u) / ${lanes}u;`);
  writer.line(`let begin = min(lane * stretch, ${width});`);
  writer.line(`let end = min(begin + stretch, ${width});`);
  // The greatest logit, of equals the first.
  writer.line(`var best_ = f32(${from}[start]); var place_ = 0u;`);
  writer.block("for (var c = begin; c < end; c++)", () => {
    writer.line(`let x = f32(${from}[start + c]);`);
    writer.line("if (x > best_) { best_ = x; place_ = c; }");
  });
  writer.declare(`var<workgroup> bests: array<f32, ${lanes}>;`);
  writer.declare(`var<workgroup> places: array<u32, ${lanes}>;`);
  writer.line("bests[lane] = best_; places[lane] = place_;");
  writer.line("workgroupBarrier();");
  writer.line("var greatest = bests[0]; var best = places[0];");
  writer.line(
    `for (var n = 1u; n < ${lanes}u; n++) { if (bests[n] > greatest) { greatest = bests[n]; best = places[n]; } }`,
  );
  writer.line("workgroupBarrier();");
  const raw = total("raw", "f32", `weight_(f32(${from}[start + c]), greatest, 1.0)`);
  // Argmax draws at temperature 1 and forgets what it drew, so that all rows take the same path.
  writer.line(`let greedy = ${temperature} == 0.0;`);
  writer.line(`let heat = select(${temperature}, 1.0, greedy);`);
  const weight = `weight_(f32(${from}[start + c]), greatest, heat)`;
  const all = total("all", "f32", weight);
  // The least weight that stays: `least` as bits, which order as the weights do.
  writer.line("var least = 0u;");
  if (limit < V) {
    // The greatest bits that at least `limit` weights reach.
    writer.block("for (var bit = 30u; bit < 31u; bit--)", () => {
      writer.line("let probe = least | (1u << bit);");
      const reached = total("reached", "u32", `select(0u, 1u, bitcast<u32>(${weight}) >= probe)`);
      writer.line(`if (${reached} >= ${writer.u(limit)}) { least = probe; }`);
    });
  }
  const above = `bitcast<u32>(${weight}) > least`;
  const equal = `bitcast<u32>(${weight}) == least`;
  const greater = total("greater", "u32", `select(0u, 1u, ${above})`);
  const sumAbove = total("sumAbove", "f32", `select(0.0, ${weight}, ${above})`);
  const ties = total("equals", "u32", `select(0u, 1u, ${equal})`);
  writer.line(`var kept = min(${writer.u(limit)} - min(${greater}, ${writer.u(limit)}), ${ties});`);
  writer.line(`var mass = ${sumAbove} + f32(kept) * bitcast<f32>(least);`);
  writer.line(`if (${limit === V ? "true" : "false"}) { mass = ${all}; }`);
  // Known to be equal in all lanes, so that rows without top-p may skip its search and the barriers in it.
  writer.declare("var<workgroup> share_: f32;");
  writer.line(`if (lane == 0u) { share_ = ${topP}; }`);
  writer.line("let share = workgroupUniformLoad(&share_);");
  writer.line("let wanted = share * mass;");
  writer.block("if (share < 1.0)", () => {
    // The least bits above which less than `wanted` lies; never below what top-k left.
    writer.line("var low = least; var high = bitcast<u32>(1.0);");
    writer.block("for (var step = 0u; step < 31u; step++)", () => {
      writer.line("let middle = low + (high - low) / 2u;");
      const over = total("over", "f32", `select(0.0, ${weight}, bitcast<u32>(${weight}) > middle)`);
      writer.line(
        `if (${over} < wanted) { high = middle; } else { low = min(middle + 1u, high); }`,
      );
    });
    const ahead = total("ahead", "f32", `select(0.0, ${weight}, bitcast<u32>(${weight}) > high)`);
    const same = total("same", "u32", `select(0u, 1u, bitcast<u32>(${weight}) == high)`);
    writer.line(`let most = select(${same}, min(${same}, kept), high == least);`);
    writer.line("var n = 1u;");
    writer.line(`while (n < most && ${ahead} + f32(n) * bitcast<f32>(high) < wanted) { n += 1u; }`);
    writer.line("least = high; kept = n;");
  });
  // Of equal weights the first ones stay: how many lie in the stretches before this one?
  writer.line("var own = 0u;");
  writer.line(`for (var c = begin; c < end; c++) { if (${equal}) { own += 1u; } }`);
  writer.line("u32s[lane] = own;");
  writer.line("workgroupBarrier();");
  writer.line("var seen = 0u;");
  writer.line("for (var n = 0u; n < lane; n++) { seen += u32s[n]; }");
  const walk = (body: string): void => {
    writer.line("var tie = seen;");
    writer.block("for (var c = begin; c < end; c++)", () => {
      writer.line(`let w = ${weight};`);
      writer.line("let same = bitcast<u32>(w) == least;");
      writer.line("let stays = w > 0.0 && (bitcast<u32>(w) > least || (same && tie < kept));");
      writer.line("if (same) { tie += 1u; }");
      writer.line(`if (stays) { ${body} }`);
    });
  };
  writer.line("var part = 0.0; var last = 0u; var any = false;");
  writer.block("", () => walk("part += w; last = c; any = true;"));
  writer.line("f32s[lane] = part; places[lane] = select(0xffffffffu, last, any);");
  writer.line("workgroupBarrier();");
  writer.line("var sum = 0.0; var before = 0.0; var final_ = best;");
  writer.block(`for (var n = 0u; n < ${lanes}u; n++)`, () => {
    writer.line("if (n < lane) { before += f32s[n]; }");
    writer.line("sum += f32s[n];");
    writer.line("if (places[n] != 0xffffffffu) { final_ = places[n]; }");
  });
  writer.line("workgroupBarrier();");
  writer.line(`let target_ = ${uniform} * sum;`);
  writer.line("var running = before; var drawn = 0xffffffffu;");
  writer.block("", () =>
    walk("running += w; if (drawn == 0xffffffffu && running > target_) { drawn = c; }"),
  );
  writer.line("places[lane] = drawn;");
  writer.line("workgroupBarrier();");
  writer.block("if (lane == 0u)", () => {
    writer.line("var id = final_;");
    writer.line(
      `for (var n = 0u; n < ${lanes}u; n++) { if (places[n] != 0xffffffffu) { id = places[n]; break; } }`,
    );
    writer.line("id = select(id, best, greedy);");
    writer.line(`${ids}[group] = i32(id);`);
    const logProb = `f32(${from}[start + id]) - greatest - log(${raw})`;
    writer.line(`${logProbs}[group] = ${stored(`(${logProb})`, dtype)};`);
  });
  return [writer.finish(`sample ${B}x${V}`, lanes, B)];
};
