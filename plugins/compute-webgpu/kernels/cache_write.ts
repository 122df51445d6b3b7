/** New rows of a key or value cache, written where they belong. */
import { sizeOf, type Tensor } from "@resd/tensor";
import type { Kernel } from "../schedule.ts";
import { outputOf, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { copy, groupsOf, LANES, shown } from "./elementwise.ts";

/** cache[b, g, positions[b] + t, :] = rows[b, g, t, :], in place where nobody else needs the old cache. */
export const cacheWrite = (site: Site): ReadonlyArray<Kernel> => {
  const { root } = site.group;
  const [cache, rows, positions] = root.inputs as [Tensor, Tensor, Tensor];
  const { shape, dtype } = cache;
  const [, G, C, D] = shape as [number, number, number, number];
  const T = rows.shape[2]!;
  const out = site.value(outputOf(root));
  const old = site.value(cache);
  const before: Array<Kernel> = [];
  if (site.dies(old) && old !== site.value(rows)) site.takeOver(out, old);
  else before.push(...copy(site.target, old, out, sizeOf(shape), dtype));
  const count = sizeOf(rows.shape);
  if (count === 0) return before;
  const writer = new Writer(site.target);
  const from = writer.buffer(site.value(rows), dtype);
  const at = writer.buffer(site.value(positions), "i32");
  const to = writer.buffer(out, dtype, "modify");
  writer.block(`if (thread < ${writer.u(count)})`, () => {
    const column = writer.let(`thread % ${writer.u(D)}`);
    const line = writer.let(`thread / ${writer.u(D)}`);
    const t = writer.let(`${line} % ${writer.u(T)}`);
    const head = writer.let(`${line} / ${writer.u(T)}`);
    const batch = writer.let(`${head} / ${writer.u(G)}`);
    const place = writer.let(`u32(${at}[${batch}]) + ${t}`);
    writer.line(
      `${to}[(${head} * ${writer.u(C)} + ${place}) * ${writer.u(D)} + ${column}] = ${from}[thread];`,
    );
  });
  return [...before, writer.finish(`cacheWrite ${shown(rows.shape)}`, LANES, groupsOf(count))];
};
