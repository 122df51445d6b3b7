/**
 * Sums of rows, or of elements of the last axis, at the places that ids name. Nothing is added atomically: each result has
 * one thread that adds in the order of the ids, so equal inputs give equal bits.
 */
import { attributesOf, sizeOf, type Tensor } from "@resd/tensor";
import type { Kernel, ValueId } from "../schedule.ts";
import { outputOf, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { stored, typeOf } from "../expression.ts";
import { copy, fill, groupsOf, LANES, shown } from "./elementwise.ts";

/** The root with what is added to already in it: zeros, or the base of add(base, scatter). */
const prepared = (site: Site): ReadonlyArray<Kernel> => {
  const { root, core, scatter } = site.group;
  const { shape, dtype } = root.outputs[0]!;
  const out = site.value(outputOf(root));
  if (scatter === undefined || core === root) {
    return fill(site.target, out, sizeOf(shape), dtype, 0);
  }
  const base = site.value(root.inputs.find((x) => x.node !== scatter)!);
  const operands = scatter.inputs.map(site.value);
  if (site.dies(base) && !operands.includes(base)) {
    site.takeOver(out, base);
    return [];
  }
  return copy(site.target, base, out, sizeOf(shape), dtype);
};

/**
 * For each position the next one with the same id (or `count`), and whether it is the first: links[n] and links[count + n].
 */
const link = (site: Site, ids: Tensor, count: number): readonly [ValueId, Kernel] => {
  const links = site.scratch("links", 2 * count, "i32");
  const writer = new Writer(site.target);
  const known = writer.buffer(site.value(ids), "i32");
  const out = writer.buffer(links, "i32", "modify");
  const size = writer.u(count);
  writer.block(`if (thread < ${size})`, () => {
    writer.line(`let id = ${known}[thread];`);
    writer.line("var next = thread + 1u;");
    writer.line(`while (next < ${size} && ${known}[next] != id) { next += 1u; }`);
    writer.line("var before = 0u;");
    writer.line(`while (before < thread && ${known}[before] != id) { before += 1u; }`);
    writer.line(`${out}[thread] = i32(next);`);
    writer.line(`${out}[${size} + thread] = select(0, 1, before == thread);`);
  });
  return [links, writer.finish(`link ${count}`, LANES, groupsOf(count))];
};

/** The links of positions lead each first one through all rows of its id. */
export const scatterAddRows = (site: Site): ReadonlyArray<Kernel> => {
  const core = site.group.core!;
  const [rows, ids] = core.inputs as [Tensor, Tensor];
  const { shape, dtype } = core.outputs[0]!;
  const width = shape[1]!;
  const count = sizeOf(ids.shape);
  const before = prepared(site);
  if (sizeOf(rows.shape) === 0 || sizeOf(shape) === 0) return before;
  const [links, linking] = link(site, ids, count);
  const writer = new Writer(site.target);
  const at = {
    rows: writer.buffer(site.value(rows), dtype),
    ids: writer.buffer(site.value(ids), "i32"),
    links: writer.buffer(links, "i32"),
    out: writer.buffer(site.value(outputOf(site.group.root)), dtype, "modify"),
  };
  const size = writer.u(count);
  writer.block(`if (thread < ${writer.u(count * width)})`, () => {
    const first = writer.let(`thread / ${writer.u(width)}`);
    const column = writer.let(`thread % ${writer.u(width)}`);
    writer.block(`if (${at.links}[${size} + ${first}] == 1)`, () => {
      writer.line(`let place = u32(${at.ids}[${first}]) * ${writer.u(width)} + ${column};`);
      writer.line(`var total = ${typeOf(dtype)}(${at.out}[place]);`);
      writer.line(`var n = ${first};`);
      writer.block(`while (n < ${size})`, () => {
        writer.line(`total += ${typeOf(dtype)}(${at.rows}[n * ${writer.u(width)} + ${column}]);`);
        writer.line(`n = u32(${at.links}[n]);`);
      });
      writer.line(`${at.out}[place] = ${stored("total", dtype)};`);
    });
  });
  const label = `scatterAddRows ${shown(shape)} from ${count}`;
  return [...before, linking, writer.finish(label, LANES, groupsOf(count * width))];
};

/** One thread adds all values of its row. */
export const scatterAddLast = (site: Site): ReadonlyArray<Kernel> => {
  const core = site.group.core!;
  const [values, ids] = core.inputs as [Tensor, Tensor];
  const { shape, dtype } = core.outputs[0]!;
  const { size } = attributesOf(core, "scatterAddLast");
  const k = ids.shape.at(-1)!;
  const rows = sizeOf(shape.slice(0, -1));
  const before = prepared(site);
  if (sizeOf(shape) * k === 0) return before;
  const writer = new Writer(site.target);
  const from = writer.buffer(site.value(values), dtype);
  const places = writer.buffer(site.value(ids), "i32");
  const out = writer.buffer(site.value(outputOf(site.group.root)), dtype, "modify");
  writer.block(`if (thread < ${writer.u(rows)})`, () => {
    writer.line(`let start = thread * ${writer.u(size)};`);
    writer.block(`for (var n = 0u; n < ${writer.u(k)}; n++)`, () => {
      writer.line(`let at = thread * ${writer.u(k)} + n;`);
      writer.line(`let place = start + u32(${places}[at]);`);
      const sum = `${typeOf(dtype)}(${out}[place]) + ${typeOf(dtype)}(${from}[at])`;
      writer.line(`${out}[place] = ${stored(`(${sum})`, dtype)};`);
    });
  });
  return [
    ...before,
    writer.finish(`scatterAddLast ${shown(shape)} from ${k}`, LANES, groupsOf(rows)),
  ];
};
