/**
 * The part of the ONNX protobuf schema that a lowered graph needs, written directly as bytes.
 *
 * Field numbers are those of onnx.proto3 (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto).
 */

/** ONNX TensorProto.DataType. */
export const ELEMENT = { f32: 1, i32: 6, i64: 7, bool: 9, f16: 10 } as const;
export type Element = keyof typeof ELEMENT;

export type Attribute =
  | { readonly name: string; readonly type: "int"; readonly value: number }
  | { readonly name: string; readonly type: "float"; readonly value: number }
  | { readonly name: string; readonly type: "string"; readonly value: string }
  | { readonly name: string; readonly type: "ints"; readonly value: ReadonlyArray<number> };

export interface OnnxNode {
  readonly op: string;
  readonly domain?: string;
  readonly inputs: ReadonlyArray<string>;
  readonly outputs: ReadonlyArray<string>;
  readonly attributes?: ReadonlyArray<Attribute>;
}

/** An initializer: inline bytes, or `external` data handed to the session under that path. */
export interface Initializer {
  readonly name: string;
  readonly element: Element;
  readonly shape: ReadonlyArray<number>;
  readonly data?: Uint8Array;
  readonly external?: { readonly path: string; readonly bytes: number };
}

export interface ValueInfo {
  readonly name: string;
  readonly element: Element;
  readonly shape: ReadonlyArray<number>;
}

export interface OnnxModel {
  readonly name: string;
  readonly nodes: ReadonlyArray<OnnxNode>;
  readonly initializers: ReadonlyArray<Initializer>;
  readonly inputs: ReadonlyArray<ValueInfo>;
  readonly outputs: ReadonlyArray<ValueInfo>;
  /** Name of a sequence of f32 tensors that comes before the other outputs. */
  readonly sequence?: string | undefined;
}

const IR_VERSION = 10;
const OPSET = 21;
const CONTRIB_DOMAIN = "com.microsoft";
const text = new TextEncoder();

/** A growing protobuf message. */
class Message {
  #bytes = new Uint8Array(256);
  #length = 0;

  #reserve(extra: number): void {
    if (this.#length + extra <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + extra));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      this.#bytes[this.#length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  int(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.#varint(field * 8 + 5);
    this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, text.encode(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.done());
  }

  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

const attributeMessage = (attribute: Attribute): Message => {
  const message = new Message().string(1, attribute.name);
  switch (attribute.type) {
    case "int":
      return message.int(3, attribute.value).int(20, 2);
    case "float":
      return message.float(2, attribute.value).int(20, 1);
    case "string":
      return message.string(4, attribute.value).int(20, 3);
    case "ints":
      for (const value of attribute.value) message.int(8, value);
      return message.int(20, 7);
  }
};

const nodeMessage = (node: OnnxNode): Message => {
  const message = new Message();
  for (const input of node.inputs) message.string(1, input);
  for (const output of node.outputs) message.string(2, output);
  message.string(4, node.op);
  for (const attribute of node.attributes ?? []) message.message(5, attributeMessage(attribute));
  if (node.domain !== undefined) message.string(7, node.domain);
  return message;
};

const initializerMessage = (initializer: Initializer): Message => {
  const message = new Message();
  for (const size of initializer.shape) message.int(1, size);
  message.int(2, ELEMENT[initializer.element]).string(8, initializer.name);
  if (initializer.external !== undefined) {
    const entries = [
      ["location", initializer.external.path],
      ["offset", "0"],
      ["length", String(initializer.external.bytes)],
    ] as const;
    for (const [key, value] of entries) {
      message.message(13, new Message().string(1, key).string(2, value));
    }
    return message.int(14, 1);
  }
  return message.bytes(9, initializer.data ?? new Uint8Array(0));
};

const valueMessage = (value: ValueInfo): Message => {
  const shape = new Message();
  for (const size of value.shape) shape.message(1, new Message().int(1, size));
  const tensor = new Message().int(1, ELEMENT[value.element]).message(2, shape);
  return new Message().string(1, value.name).message(2, new Message().message(1, tensor));
};

/** ValueInfoProto of a sequence of f32 tensors of any shape. */
const sequenceMessage = (name: string): Message => {
  const tensor = new Message().message(1, new Message().int(1, ELEMENT.f32));
  const sequence = new Message().message(1, tensor);
  return new Message().string(1, name).message(2, new Message().message(4, sequence));
};

/** The model's bytes, ready for `InferenceSession.create`. */
export const encodeModel = (model: OnnxModel): Uint8Array => {
  const graph = new Message();
  for (const node of model.nodes) graph.message(1, nodeMessage(node));
  graph.string(2, model.name);
  for (const initializer of model.initializers) graph.message(5, initializerMessage(initializer));
  for (const input of model.inputs) graph.message(11, valueMessage(input));
  if (model.sequence !== undefined) graph.message(12, sequenceMessage(model.sequence));
  for (const output of model.outputs) graph.message(12, valueMessage(output));
  return new Message()
    .int(1, IR_VERSION)
    .string(2, "resd")
    .message(7, graph)
    .message(8, new Message().string(1, "").int(2, OPSET))
    .message(8, new Message().string(1, CONTRIB_DOMAIN).int(2, 1))
    .done()
    .slice();
};
