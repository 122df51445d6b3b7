/** Operations on tensors in pieces that are more than the same operation on every piece. */
import {
  add,
  applyAll,
  attributesOf,
  concat,
  gatherRows as gather,
  less,
  lessEqual,
  logicalAnd,
  maximum,
  minimum,
  type Node,
  reshape as reshaped,
  scatterAddRows as scatter,
  sizeOf,
  slice as sliced,
  sliceAxis,
  sub,
  type Tensor,
  type TensorType,
  where,
} from "@resd/tensor";
import { type Cutter, isSharded, type Part, type Rows, rowsOf, tensorBytes } from "./row_shards.ts";

/** The result of a node from its operands, of which some or the result are large. */
export type Rule = (node: Node, inputs: ReadonlyArray<Part>, cutter: Cutter) => Part;

const typeOf = (node: Node): TensorType => node.outputs[0]!;

const total = (tensors: ReadonlyArray<Tensor>): Tensor =>
  tensors.reduce((all, one) => add(all, one));

/** Pieces of one shape as rows of another with as many elements; undefined where a row would be cut. */
const asRows = (
  pieces: ReadonlyArray<Rows>,
  width: number,
  other: number,
): ReadonlyArray<Rows> | undefined => {
  const rows = pieces.map(({ from, to }) => ({
    from: (from * width) / other,
    to: (to * width) / other,
  }));
  return rows.every(({ from, to }) => Number.isInteger(from) && Number.isInteger(to))
    ? rows
    : undefined;
};

export const reshape: Rule = (node, [x], cutter) => {
  const type = typeOf(node);
  const [before, after] = [sizeOf(x!.shape.slice(1)), sizeOf(type.shape.slice(1))];
  const kept = isSharded(x!) ? asRows(x.parts, before, after) : undefined;
  const ranges = kept ?? cutter.cut(type, node.op);
  const sources = asRows(ranges, after, before) ?? cutter.refuse(node);
  const tensors = ranges.map(({ from, to }, i) =>
    reshaped(rowsOf(x!, sources[i]!), type.shape.with(0, to - from)),
  );
  return cutter.join(type, ranges, tensors);
};

export const slice: Rule = (node, [x], cutter) => {
  const type = typeOf(node);
  const { starts, ends } = attributesOf(node, "slice");
  const [first, rows] = [starts[0]!, type.shape[0]!];
  const ranges = cutter.cut({ shape: x!.shape.with(0, rows), dtype: x!.dtype }, node.op);
  const tensors = ranges.map(({ from, to }) =>
    sliced(
      rowsOf(x!, { from: first + from, to: first + to }),
      starts.with(0, 0),
      ends.with(0, to - from),
    ),
  );
  return cutter.join(type, ranges, tensors);
};

/** Tensors one after another along the first axis: their pieces are its pieces. */
export const chain: Rule = (node, inputs) => {
  const { shape, dtype } = typeOf(node);
  let end = 0;
  const parts = inputs.flatMap((x) => {
    const start = end;
    end += x.shape[0]!;
    if (!isSharded(x)) return [{ from: start, to: end, tensor: x }];
    return x.parts.map(({ from, to, tensor }) => ({ from: start + from, to: start + to, tensor }));
  });
  return { shape, dtype, parts };
};

/** A sum or maximum over the first axis and perhaps others. */
export const reduceRows: Rule = (node, [x]) => {
  const join = node.op === "sum" ? add : maximum;
  const op = node.op as "sum" | "max";
  const parts = isSharded(x!) ? x.parts.map(({ tensor }) => tensor) : [x!];
  return parts
    .map((tensor) => applyAll(op, [tensor], attributesOf(node, op))[0]!)
    .reduce((all, one) => join(all, one));
};

/** Pieces of the largest of some tensors, in which the others can be cut too; undefined where none is in pieces. */
const widest = (tensors: ReadonlyArray<Part>): ReadonlyArray<Rows> | undefined =>
  tensors.filter(isSharded).toSorted((x, y) => tensorBytes(y) - tensorBytes(x))[0]?.parts;

/** A product of two matrices: along rows of the result, columns and what is summed over, each in pieces where it has to be. */
export const matMul: Rule = (node, [a, b], cutter) => {
  const type = typeOf(node);
  const attributes = attributesOf(node, "matMul");
  const { transA, transB } = attributes;
  /** Some lines of an operand, and of each some numbers; all where nothing is said. */
  const block = (x: Part, lines: Rows | undefined, numbers: Rows | undefined): Tensor => {
    const some = lines === undefined ? cutter.whole(node, x) : rowsOf(x, lines);
    return numbers === undefined ? some : sliceAxis(some, 1, numbers.from, numbers.to);
  };
  const inner = widest([...(transA ? [a!] : []), ...(transB ? [] : [b!])]) ?? [undefined];
  const columns = (transB ? widest([b!]) : undefined) ?? [undefined];
  const of = (rows?: Rows): Tensor => {
    const parts = columns.map((some) =>
      total(
        inner.map((summed) => {
          const left = transA ? block(a!, summed, rows) : block(a!, rows, summed);
          const right = transB ? block(b!, some, summed) : block(b!, summed, some);
          return applyAll("matMul", [left, right], attributes)[0]!;
        }),
      ),
    );
    return parts.length === 1 ? parts[0]! : concat(parts, 1);
  };
  const lines = transA ? undefined : widest([a!]);
  if (lines === undefined && !cutter.isLarge(type)) return of();
  const wide = lines !== undefined && tensorBytes(a!) > tensorBytes(type);
  const ranges = wide ? lines : cutter.cut(type, node.op);
  return cutter.join(type, ranges, ranges.map(of));
};

/** Which ids fall into a range of rows, with an axis for the row, and where there; others are given some place in it. */
const within = (
  ids: Tensor,
  { from, to }: Rows,
): { readonly inside: Tensor; readonly local: Tensor } => {
  const place = sub(ids, from);
  const inside = logicalAnd(lessEqual(0, place), less(place, to - from));
  return {
    inside: reshaped(inside, [...ids.shape, 1]),
    local: minimum(maximum(place, 0), to - from - 1),
  };
};

export const gatherRows: Rule = (node, [table, ids], cutter) => {
  const type = typeOf(node);
  const of = (some: Tensor): Tensor => {
    if (!isSharded(table!)) return gather(table!, some);
    const found = table.parts.map((part) => {
      const { inside, local } = within(some, part);
      return { inside, rows: gather(part.tensor, local) };
    });
    return found
      .slice(1)
      .reduce((all, { inside, rows }) => where(inside, rows, all), found[0]!.rows);
  };
  if (!cutter.isLarge(type)) return of(cutter.whole(node, ids!));
  const ranges = cutter.cut(type, node.op);
  return cutter.join(
    type,
    ranges,
    ranges.map((rows) => of(rowsOf(ids!, rows))),
  );
};

export const scatterAddRows: Rule = (node, [rows, ids], cutter) => {
  const type = typeOf(node);
  const pieces = isSharded(rows!) ? rows.parts : [{ from: 0, to: rows!.shape[0]!, tensor: rows! }];
  const own = cutter.whole(node, ids!);
  const of = (range: Rows): Tensor =>
    total(
      pieces.map(({ from, to, tensor }) => {
        const { inside, local } = within(sliceAxis(own, 0, from, to), range);
        return scatter(where(inside, tensor, 0), local, range.to - range.from);
      }),
    );
  if (!cutter.isLarge(type)) return of({ from: 0, to: type.shape[0]! });
  const ranges = cutter.cut(type, node.op);
  return cutter.join(type, ranges, ranges.map(of));
};
