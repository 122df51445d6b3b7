/** How each operation of the tensor graph reads in ONNX. One rule an operation; primitives without a rule are decomposed first. */
import type { Node, Tensor } from "@resd/tensor";
import { CONTRIB, type Emitter, float, int, sizeOf } from "./emitter.ts";
import { type Attribute, ELEMENT } from "./onnx_proto.ts";

/** Names of the inputs in; names of the outputs out. */
type Rule = (emitter: Emitter, node: Node, inputs: ReadonlyArray<string>) => ReadonlyArray<string>;

const direct =
  (op: string, attributes: ReadonlyArray<Attribute> = []): Rule =>
  (emitter, _node, inputs) => [emitter.emit(op, inputs, attributes)];

const outputShape = (node: Node): ReadonlyArray<number> => node.outputs[0]!.shape;
const input = (node: Node, position: number): Tensor => node.inputs[position]!;

const reduction =
  (op: string): Rule =>
  (emitter, node, [x]) => {
    const { axes, keepDims } = node.attributes as {
      readonly axes: ReadonlyArray<number>;
      readonly keepDims: boolean;
    };
    if (axes.length === 0) return [emitter.emit("Identity", [x!])]; // ONNX reads no axes as all axes
    return [emitter.emit(op, [x!, emitter.longs(axes)], [int("keepdims", keepDims ? 1 : 0)])];
  };

/** The row ids of a scatter, repeated over the columns, as ScatterElements wants them. */
const expandIds = (emitter: Emitter, ids: string, rows: number, width: number): string =>
  emitter.emit("Expand", [
    emitter.emit("Reshape", [ids, emitter.longs([rows, 1])]),
    emitter.longs([rows, width]),
  ]);

const zeros = (emitter: Emitter, shape: ReadonlyArray<number>): string =>
  emitter.emit("Expand", [emitter.scalar(0), emitter.longs(shape)]);

/** cos/sin tables that hold one row a position, as RotaryEmbedding wants them: [..1, T, D/2]. */
const isTable = (table: Tensor, T: number): boolean =>
  table.shape.at(-2) === T && table.shape.slice(0, -2).every((size) => size === 1);

interface MatMulAttributes {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
}

const emitMatMul = (
  emitter: Emitter,
  a: string,
  b: string,
  { transA, transB, alpha }: MatMulAttributes,
): string =>
  !transA && !transB && alpha === 1
    ? emitter.emit("MatMul", [a, b])
    : emitter.emit(
        "FusedMatMul",
        [a, b],
        [int("transA", transA ? 1 : 0), int("transB", transB ? 1 : 0), float("alpha", alpha)],
        CONTRIB,
      );

/** Up to this many rows, by matrices of at least so many numbers a row, rows are multiplied one by one. */
const FEW_ROWS = 4;
const LARGE_MATRIX = 2048;

/**
 * Few rows by a large matrix of their own: attention of one token over a cache. ONNX Runtime repacks the matrix for two
 * rows or more, or for a factor, which takes longer than the product; one row is multiplied straight from memory.
 */
const rowByRow = (node: Node): boolean => {
  const [a, b] = [input(node, 0).shape, input(node, 1).shape];
  const { transA, alpha } = node.attributes as unknown as MatMulAttributes;
  const rows = a.at(-2)!;
  return (
    !transA &&
    a.length > 2 &&
    b.length === a.length &&
    sizeOf(b.slice(0, -2)) > 1 &&
    rows <= FEW_ROWS &&
    (rows > 1 || alpha !== 1) &&
    b.at(-1)! * b.at(-2)! >= LARGE_MATRIX * rows
  );
};

/** alpha·a·b as one product a row: [..,R,K] as [..,R,1,K] by [..,1,K,N], or by its transpose. */
const multiplyRows = (emitter: Emitter, node: Node, a: string, b: string): string => {
  const [aShape, bShape] = [input(node, 0).shape, input(node, 1).shape];
  const { transB, alpha } = node.attributes as unknown as MatMulAttributes;
  const reshape = (x: string, shape: ReadonlyArray<number>) =>
    emitter.emit("Reshape", [x, emitter.longs(shape)]);
  const scaled = alpha === 1 ? a : emitter.emit("Mul", [a, emitter.scalar(alpha)]);
  const rows = reshape(scaled, [...aShape.slice(0, -1), 1, aShape.at(-1)!]);
  const matrices = reshape(b, [...bShape.slice(0, -2), 1, ...bShape.slice(-2)]);
  const product = emitMatMul(emitter, rows, matrices, { transA: false, transB, alpha: 1 });
  return reshape(product, outputShape(node));
};

export const RULES: Readonly<Record<string, Rule>> = {
  neg: direct("Neg"),
  exp: direct("Exp"),
  log: direct("Log"),
  sqrt: direct("Sqrt"),
  reciprocal: direct("Reciprocal"),
  sigmoid: direct("Sigmoid"),
  tanh: direct("Tanh"),
  abs: direct("Abs"),
  rsqrt: (emitter, _node, [x]) => [emitter.emit("Reciprocal", [emitter.emit("Sqrt", [x!])])],
  // exp(x) − 1 = 2·tanh(x/2) / (1 − tanh(x/2)): keeps its precision near zero, which ONNX has no operator for.
  expm1: (emitter, _node, [x]) => {
    const t = emitter.emit("Tanh", [emitter.emit("Mul", [x!, emitter.scalar(0.5)])]);
    return [
      emitter.emit("Div", [
        emitter.emit("Mul", [t, emitter.scalar(2)]),
        emitter.emit("Sub", [emitter.scalar(1), t]),
      ]),
    ];
  },
  silu: (emitter, _node, [x]) => [emitter.emit("QuickGelu", [x!], [float("alpha", 1)], CONTRIB)],
  add: direct("Add"),
  sub: direct("Sub"),
  mul: direct("Mul"),
  div: direct("Div"),
  maximum: direct("Max"),
  minimum: direct("Min"),
  pow: (emitter, node, [x]) => {
    const { exponent } = node.attributes as { readonly exponent: number };
    return [
      exponent === 2
        ? emitter.emit("Mul", [x!, x!])
        : emitter.emit("Pow", [x!, emitter.scalar(exponent)]),
    ];
  },
  equal: direct("Equal"),
  less: direct("Less"),
  lessEqual: direct("LessOrEqual"),
  logicalAnd: direct("And"),
  where: direct("Where"),
  cast: (emitter, node, [x]) => [
    emitter.emit("Cast", [x!], [int("to", ELEMENT[node.outputs[0]!.dtype])]),
  ],
  sum: reduction("ReduceSum"),
  max: reduction("ReduceMax"),
  reshape: (emitter, node, [x]) => [
    emitter.emit("Reshape", [x!, emitter.longs(outputShape(node))]),
  ],
  transpose: (emitter, node, [x]) => [
    emitter.emit(
      "Transpose",
      [x!],
      [{ name: "perm", type: "ints", value: node.attributes.perm as ReadonlyArray<number> }],
    ),
  ],
  slice: (emitter, node, [x]) => {
    const { starts, ends } = node.attributes as {
      readonly starts: ReadonlyArray<number>;
      readonly ends: ReadonlyArray<number>;
    };
    const shape = input(node, 0).shape;
    const axes = shape.flatMap((size, axis) =>
      starts[axis] === 0 && ends[axis] === size ? [] : [axis],
    );
    if (axes.length === 0) return [emitter.emit("Identity", [x!])];
    return [
      emitter.emit("Slice", [
        x!,
        emitter.longs(axes.map((axis) => starts[axis]!)),
        emitter.longs(axes.map((axis) => ends[axis]!)),
        emitter.longs(axes),
      ]),
    ];
  },
  concat: (emitter, node, inputs) => [
    emitter.emit("Concat", inputs, [int("axis", node.attributes.axis as number)]),
  ],
  pad: (emitter, node, [x]) => {
    const { before, after, value } = node.attributes as {
      readonly before: ReadonlyArray<number>;
      readonly after: ReadonlyArray<number>;
      readonly value: number;
    };
    return [
      emitter.emit("Pad", [
        x!,
        emitter.longs([...before, ...after]),
        emitter.scalar(value, input(node, 0).dtype),
      ]),
    ];
  },
  broadcastTo: (emitter, node, [x]) => [
    emitter.emit("Expand", [x!, emitter.longs(outputShape(node))]),
  ],
  matMul: (emitter, node, [a, b]) => {
    if (rowByRow(node)) return [multiplyRows(emitter, node, a!, b!)];
    const { transA, transB, alpha } = node.attributes as unknown as MatMulAttributes;
    return [emitMatMul(emitter, a!, b!, { transA, transB, alpha })];
  },
  softmax: direct("Softmax", [int("axis", -1)]),
  logSoftmax: direct("LogSoftmax", [int("axis", -1)]),
  gatherRows: direct("Gather", [int("axis", 0)]),
  gatherLast: direct("GatherElements", [int("axis", -1)]),
  // ScatterND(add) races on duplicate ids when an operator has several threads; ScatterElements is serial and right.
  scatterAddRows: (emitter, node, [rows, ids]) => {
    const [height, width] = outputShape(node) as [number, number];
    const count = sizeOf(input(node, 1).shape);
    return [
      emitter.emit(
        "ScatterElements",
        [
          zeros(emitter, [height, width]),
          expandIds(emitter, ids!, count, width),
          emitter.emit("Reshape", [rows!, emitter.longs([count, width])]),
        ],
        [int("axis", 0), { name: "reduction", type: "string", value: "add" }],
      ),
    ];
  },
  scatterAddLast: (emitter, node, [values, ids]) => [
    emitter.emit(
      "ScatterElements",
      [zeros(emitter, outputShape(node)), ids!, values!],
      [int("axis", -1), { name: "reduction", type: "string", value: "add" }],
    ),
  ],
  topK: (emitter, node, [x]) => {
    const [values, indices] = emitter.emitMany(
      "TopK",
      [x!, emitter.longs([node.outputs[0]!.shape.at(-1)!])],
      2,
      [int("axis", -1), int("largest", 1), int("sorted", 1)],
    );
    return [values!, emitter.emit("Cast", [indices!], [int("to", ELEMENT.i32)])];
  },
  rmsNorm: (emitter, node, [x, weight]) => [
    emitter.emit(
      "SimplifiedLayerNormalization",
      [x!, weight!],
      [int("axis", -1), float("epsilon", node.attributes.eps as number), int("stash_type", 1)],
    ),
  ],
};

/** A table and the rows of it that were looked up, where a value is nothing but that. */
const lookedUp = (value: Tensor): { readonly table: Tensor; readonly ids: Tensor } | undefined => {
  let { node } = value;
  while (node.op === "reshape") node = node.inputs[0]!.node;
  if (node.op !== "gatherRows") return undefined;
  const [table, ids] = node.inputs as [Tensor, Tensor];
  return table.shape.length === 2 ? { table, ids } : undefined;
};

/** Where RotaryEmbedding finds the angles of x[B,H,T,D]: tables [P, D/2], and a row of them for each of [B,T]. */
const rotation = (
  emitter: Emitter,
  node: Node,
  name: (tensor: Tensor) => string,
): { readonly positions: string; readonly cos: string; readonly sin: string } | undefined => {
  const [x, cos, sin] = node.inputs as [Tensor, Tensor, Tensor];
  const [B, , T, D] = x.shape as [number, number, number, number];
  const grid = emitter.longs([B, T]);
  if (isTable(cos, T) && isTable(sin, T)) {
    const shape = emitter.longs([T, D / 2]);
    const positions = emitter.longs(Array.from({ length: B * T }, (_, i) => i % T));
    return {
      positions: emitter.emit("Reshape", [positions, grid]),
      cos: emitter.emit("Reshape", [name(cos), shape]),
      sin: emitter.emit("Reshape", [name(sin), shape]),
    };
  }
  // Of generation: one position a row, with a row of the tables each.
  const [ofCos, ofSin] = [lookedUp(cos), lookedUp(sin)];
  const sameRows =
    ofCos !== undefined &&
    ofSin !== undefined &&
    ofCos.ids.node === ofSin.ids.node &&
    ofCos.ids.index === ofSin.ids.index;
  if (!sameRows || T !== 1 || sizeOf(ofCos.ids.shape) !== B || cos.shape[0] !== B) return undefined;
  const ids = emitter.emit("Cast", [name(ofCos.ids)], [int("to", ELEMENT.i64)]);
  return {
    positions: emitter.emit("Reshape", [ids, grid]),
    cos: name(ofCos.table),
    sin: name(ofSin.table),
  };
};

/** RotaryEmbedding, where its angles are found; otherwise the composite is lowered. */
export const ropeRule = (
  emitter: Emitter,
  node: Node,
  name: (tensor: Tensor) => string,
): ReadonlyArray<string> | undefined => {
  const found = rotation(emitter, node, name);
  if (found === undefined) return undefined;
  const inputs = [name(input(node, 0)), found.positions, found.cos, found.sin];
  return [emitter.emit("RotaryEmbedding", inputs, [int("interleaved", 0)], CONTRIB)];
};

/** From here exp(x) − 1 loses fewer than two bits. */
const SMALL = 0.5;
/** Terms of the series that are exact to the last bit below that. */
const TERMS = 9;

/** A matrix, or each of a batch, with rows for columns. */
const swapped = (emitter: Emitter, name: string, rank: number): string => {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const perm = [...axes.slice(0, -2), rank - 1, rank - 2];
  return emitter.emit("Transpose", [name], [{ name: "perm", type: "ints", value: perm }]);
};

/**
 * Rules that differ where the kernels are those for WebGPU. Their tanh is made of exponentials and loses what is small; and
 * products of transposed matrices have no kernel there, so that FusedMatMul would leave the GPU.
 */
export const WEBGPU_RULES: Readonly<Record<string, Rule>> = {
  matMul: (emitter, node, [a, b]) => {
    const { transA, transB, alpha } = node.attributes as unknown as MatMulAttributes;
    const left = transA ? swapped(emitter, a!, input(node, 0).shape.length) : a!;
    const right = transB ? swapped(emitter, b!, input(node, 1).shape.length) : b!;
    const product = emitter.emit("MatMul", [left, right]);
    return [alpha === 1 ? product : emitter.emit("Mul", [product, emitter.scalar(alpha)])];
  },
  // Below ½: x·(1 + x/2·(1 + x/3·(1 + …))).
  expm1: (emitter, _node, [x]) => {
    const one = emitter.scalar(1);
    let series = one;
    for (let term = TERMS; term > 1; term--) {
      const scaled = emitter.emit("Mul", [x!, emitter.scalar(1 / term)]);
      series = emitter.emit("Add", [one, emitter.emit("Mul", [scaled, series])]);
    }
    const small = emitter.emit("Less", [emitter.emit("Abs", [x!]), emitter.scalar(SMALL)]);
    const large = emitter.emit("Sub", [emitter.emit("Exp", [x!]), one]);
    return [emitter.emit("Where", [small, emitter.emit("Mul", [x!, series]), large])];
  },
};
