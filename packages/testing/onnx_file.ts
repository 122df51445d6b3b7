/**
 * ONNX files of a few nodes, for tests of what reads ONNX: the protobuf messages that they need, written as bytes.
 *
 * Field numbers are those of onnx.proto3.
 */

/** Element types, as ONNX numbers them. */
const ELEMENT = { f32: 1, i64: 7 } as const;

/** An input or output: sizes that are known, and names of those that are not. */
export interface OnnxValue {
  readonly name: string;
  readonly element: keyof typeof ELEMENT;
  readonly shape: ReadonlyArray<number | string>;
}

/** A node; attributes are integers, or lists of them. */
export interface OnnxStep {
  readonly op: string;
  readonly inputs: ReadonlyArray<string>;
  readonly outputs: ReadonlyArray<string>;
  readonly attributes?: Readonly<Record<string, number | ReadonlyArray<number>>>;
}

/** A graph in the order in which it runs. */
export interface OnnxGraph {
  readonly inputs: ReadonlyArray<OnnxValue>;
  readonly outputs: ReadonlyArray<OnnxValue>;
  readonly constants: Readonly<
    Record<string, { readonly shape: ReadonlyArray<number>; readonly data: Float32Array }>
  >;
  readonly steps: ReadonlyArray<OnnxStep>;
}

const IR_VERSION = 8;
const OPSET = 17;

const varint = (value: number): Array<number> => {
  const bytes: Array<number> = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
};

type Part = Uint8Array;
const join = (parts: ReadonlyArray<Part>): Part => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};
const int = (field: number, value: number): Part =>
  Uint8Array.from([...varint(field * 8), ...varint(value)]);
const bytes = (field: number, value: Part): Part =>
  join([Uint8Array.from([...varint(field * 8 + 2), ...varint(value.length)]), value]);
const text = (field: number, value: string): Part => bytes(field, new TextEncoder().encode(value));
const message = (field: number, ...parts: ReadonlyArray<Part>): Part => bytes(field, join(parts));

const valueInfo = (field: number, { name, element, shape }: OnnxValue): Part => {
  const sizes = shape.map((size) =>
    message(1, typeof size === "string" ? text(2, size) : int(1, size)),
  );
  return message(
    field,
    text(1, name),
    message(2, message(1, int(1, ELEMENT[element]), message(2, ...sizes))),
  );
};

const node = ({ op, inputs, outputs, attributes = {} }: OnnxStep): Part =>
  message(
    1,
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      typeof value === "number"
        ? message(5, text(1, name), int(3, value), int(20, 2))
        : message(5, text(1, name), ...value.map((one) => int(8, one)), int(20, 7)),
    ),
  );

/** The bytes of a model file. */
export const onnxFile = ({ inputs, outputs, constants, steps }: OnnxGraph): Uint8Array =>
  join([
    int(1, IR_VERSION),
    text(2, "resd"),
    message(
      7,
      ...steps.map(node),
      text(2, "test"),
      ...Object.entries(constants).map(([name, { shape, data }]) =>
        message(
          5,
          ...shape.map((size) => int(1, size)),
          int(2, ELEMENT.f32),
          text(8, name),
          bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
        ),
      ),
      ...inputs.map((value) => valueInfo(11, value)),
      ...outputs.map((value) => valueInfo(12, value)),
    ),
    message(8, text(1, ""), int(2, OPSET)),
  ]);
