/** Softmax and log-softmax over the last axis of an expression. */
import { sizeOf, type Tensor } from "@resd/tensor";
import type { Kernel } from "../schedule.ts";
import { rowLanes } from "../select.ts";
import { RootKernel, type Site } from "../site.ts";
import { groupsOf, LANES, shown } from "./elementwise.ts";
import { combine } from "./reduce.ts";

/** The exponential that scores far below the greatest, which it rounds to 0, cannot upset. */
const exponential = (x: string, greatest: string): string => `exp(${x} - ${greatest})`;

export const softmax = (site: Site): ReadonlyArray<Kernel> => {
  const core = site.group.core!;
  const [x] = core.inputs as [Tensor];
  const width = x.shape.at(-1)!;
  const count = sizeOf(x.shape);
  if (count === 0) return [];
  const rows = count / width;
  const kernel = new RootKernel(site);
  const { writer, expression } = kernel;
  const lanes = rowLanes(site.target, rows, width);
  const label = `${core.op} ${lanes === 1 ? "serial" : `${lanes} lanes`} ${shown(x.shape)}`;
  const row = lanes === 1 ? "thread" : "group";
  /** Every element of this thread's share of the row, as `i`, in one loop. */
  const each = (loop: string, body: (i: string) => void): void =>
    writer.block(
      `for (var ${loop} = ${lanes === 1 ? "0u" : "lane"}; ${loop} < ${writer.u(width)}; ${loop} += ${lanes}u)`,
      () => {
        writer.line(`let i = start + ${loop};`);
        body("i");
      },
    );
  const together = (name: string, own: string, op: "sum" | "max"): string => {
    if (lanes === 1) return own;
    combine(writer, lanes, "f32", own, op, name);
    return writer.let(`${name}[0]`);
  };
  const body = (): void => {
    writer.line(`let start = ${row} * ${writer.u(width)};`);
    writer.line(`var greatest_: f32;`);
    writer.block("", () => writer.line(`greatest_ = ${expression.at(x, "start")};`));
    each("a", (i) => writer.line(`greatest_ = max(greatest_, ${expression.at(x, i)});`));
    const greatest = together("greatest", "greatest_", "max");
    writer.line("var total_ = 0.0;");
    each("b", (i) => writer.line(`total_ += ${exponential(expression.at(x, i), greatest)};`));
    const total = together("total", "total_", "sum");
    const scale = writer.let(core.op === "softmax" ? `1.0 / ${total}` : `log(${total})`);
    each("c", (i) => {
      const own = expression.at(x, i);
      const result =
        core.op === "softmax"
          ? `${exponential(own, greatest)} * ${scale}`
          : `${own} - ${greatest} - ${scale}`;
      kernel.store(i, writer.let(result));
    });
  };
  if (lanes === 1) writer.block(`if (thread < ${writer.u(rows)})`, body);
  else {
    writer.line(`if (group >= ${writer.u(rows)}) { return; }`);
    body();
  }
  return [
    lanes === 1
      ? kernel.finish(label, LANES, groupsOf(rows), "i")
      : kernel.finish(label, lanes, rows, "i"),
  ];
};
