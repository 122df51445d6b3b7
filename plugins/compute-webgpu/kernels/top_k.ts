/** The greatest elements of rows, in order. */
import { attributesOf, sizeOf, type Tensor } from "@resd/tensor";
import { stored, typeOf } from "../expression.ts";
import type { Kernel } from "../schedule.ts";
import { rowLanes } from "../select.ts";
import { outputOf, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { groupsOf, LANES, shown } from "./elementwise.ts";

/**
 * Finds one element after another: the greatest of those that come after the last one found, by value and, among equals, by
 * index. Needs no memory beside its results, and ties come out in order of their index.
 */
export const topK = (site: Site): ReadonlyArray<Kernel> => {
  const { root } = site.group;
  const [x] = root.inputs as [Tensor];
  const { k } = attributesOf(root, "topK");
  const width = x.shape.at(-1)!;
  const rows = sizeOf(x.shape.slice(0, -1));
  if (rows === 0) return [];
  const lanes = rowLanes(site.target, rows, width);
  const writer = new Writer(site.target);
  const type = typeOf(x.dtype);
  const from = writer.buffer(site.value(x), x.dtype);
  const values = writer.buffer(site.value(outputOf(root, 0)), x.dtype, "modify");
  const indices = writer.buffer(site.value(outputOf(root, 1)), "i32", "modify");
  const w = writer.u(width);
  const row = lanes === 1 ? "thread" : "group";
  // An index of `width` means none yet.
  const better = (value: string, index: string): string =>
    `(${index} < ${w} && (found >= ${w} || ${value} > best || (${value} == best && ${index} < found)))`;
  const body = (): void => {
    writer.line(`let start = ${row} * ${w};`);
    writer.line(`var last: ${type};`);
    writer.line(`var lastIndex = ${w};`);
    writer.block(`for (var n = 0u; n < ${writer.u(k)}; n++)`, () => {
      writer.line(`var best: ${type};`);
      writer.line(`var found = ${w};`);
      writer.block(`for (var c = ${lanes === 1 ? "0u" : "lane"}; c < ${w}; c += ${lanes}u)`, () => {
        writer.line(`let value = ${type}(${from}[start + c]);`);
        writer.line("let open = n == 0u || value < last || (value == last && c > lastIndex);");
        writer.line(`if (open && ${better("value", "c")}) { best = value; found = c; }`);
      });
      if (lanes > 1) {
        writer.declare(`var<workgroup> bests: array<${type}, ${lanes}>;`);
        writer.declare(`var<workgroup> places: array<u32, ${lanes}>;`);
        writer.line("bests[lane] = best; places[lane] = found;");
        writer.line("workgroupBarrier();");
        writer.block(`for (var half = ${lanes / 2}u; half > 0u; half = half / 2u)`, () => {
          writer.block("if (lane < half)", () => {
            writer.line("let value = bests[lane + half]; let c = places[lane + half];");
            writer.line("best = bests[lane]; found = places[lane];");
            writer.line(`if (${better("value", "c")}) { bests[lane] = value; places[lane] = c; }`);
          });
          writer.line("workgroupBarrier();");
        });
        writer.line("best = bests[0]; found = places[0];");
        writer.line("workgroupBarrier();");
      }
      writer.line("last = best; lastIndex = found;");
      const store = `${values}[${row} * ${writer.u(k)} + n] = ${stored("best", x.dtype)}; ${indices}[${row} * ${writer.u(k)} + n] = i32(found);`;
      writer.line(lanes === 1 ? store : `if (lane == 0u) { ${store} }`);
    });
  };
  const label = `topK ${k} of ${shown(x.shape)}`;
  if (lanes === 1) {
    writer.block(`if (thread < ${writer.u(rows)})`, body);
    return [writer.finish(label, LANES, groupsOf(rows))];
  }
  writer.line(`if (group >= ${writer.u(rows)}) { return; }`);
  body();
  return [writer.finish(label, lanes, rows)];
};
