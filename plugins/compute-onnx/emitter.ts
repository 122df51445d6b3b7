/** Collects the nodes and initializers of one ONNX model while a graph is lowered. */
import type { DType } from "@resd/core";
import type { Attribute, Element, Initializer, OnnxNode } from "./onnx_proto.ts";

export const int = (name: string, value: number): Attribute => ({ name, type: "int", value });
export const float = (name: string, value: number): Attribute => ({ name, type: "float", value });
export const string = (name: string, value: string): Attribute => ({ name, type: "string", value });

/** Operators of ONNX Runtime outside the standard. */
export const CONTRIB = "com.microsoft";

export const sizeOf = (shape: ReadonlyArray<number>): number =>
  shape.reduce((product, size) => product * size, 1);

const bytesOf = (data: Float32Array | Int32Array | BigInt64Array | Uint8Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

export class Emitter {
  readonly nodes: Array<OnnxNode> = [];
  readonly initializers: Array<Initializer> = [];
  readonly #shared = new Map<string, string>();
  readonly #emitted = new Map<string, ReadonlyArray<string>>();
  readonly #made = new Set<string>();
  #next = 0;

  fresh(): string {
    return `v${this.#next++}`;
  }

  /** Names the outputs of a node; the same node on the same inputs is emitted once. */
  emitMany(
    op: string,
    inputs: ReadonlyArray<string>,
    count: number,
    attributes: ReadonlyArray<Attribute> = [],
    domain?: string,
  ): ReadonlyArray<string> {
    const key = JSON.stringify([op, domain, inputs, attributes]);
    const known = this.#emitted.get(key);
    if (known !== undefined) return known;
    const outputs = Array.from({ length: count }, () => this.fresh());
    this.#push({
      op,
      inputs,
      outputs,
      attributes,
      ...(domain === undefined ? {} : { domain }),
    });
    this.#emitted.set(key, outputs);
    return outputs;
  }

  /** A value of its own, equal to another. */
  copy(name: string): string {
    const output = this.fresh();
    this.#push({ op: "Identity", inputs: [name], outputs: [output] });
    return output;
  }

  #push(node: OnnxNode): void {
    this.nodes.push(node);
    for (const output of node.outputs) this.#made.add(output);
  }

  /** Whether a node made this value, rather than an input or an initializer. */
  isNodeOutput(name: string): boolean {
    return this.#made.has(name);
  }

  emit(
    op: string,
    inputs: ReadonlyArray<string>,
    attributes: ReadonlyArray<Attribute> = [],
    domain?: string,
  ): string {
    return this.emitMany(op, inputs, 1, attributes, domain)[0]!;
  }

  initializer(element: Element, shape: ReadonlyArray<number>, data: Uint8Array): string {
    const name = this.fresh();
    this.initializers.push({ name, element, shape, data });
    return name;
  }

  /** A small constant, shared by everything that asks for the same one. */
  #constant(key: string, make: () => string): string {
    const found = this.#shared.get(key);
    if (found !== undefined) return found;
    const made = make();
    this.#shared.set(key, made);
    return made;
  }

  /** Shapes, axes and bounds: int64 [n]. */
  longs(values: ReadonlyArray<number>): string {
    return this.#constant(`i64:${values.join()}`, () =>
      this.initializer(
        "i64",
        [values.length],
        bytesOf(BigInt64Array.from(values, (value) => BigInt(value))),
      ),
    );
  }

  scalar(value: number, dtype: DType = "f32"): string {
    return this.#constant(`${dtype}:${Object.is(value, -0) ? "-0" : value}`, () =>
      this.tensor([value], [], dtype),
    );
  }

  tensor(data: ArrayLike<number>, shape: ReadonlyArray<number>, dtype: DType): string {
    switch (dtype) {
      case "f32":
        return this.initializer("f32", shape, bytesOf(Float32Array.from(data)));
      case "i32":
        return this.initializer("i32", shape, bytesOf(Int32Array.from(data)));
      case "bool":
        return this.initializer("bool", shape, Uint8Array.from(data));
      case "f16":
        throw new Error(
          "Expected f32, i32 or bool constants, got f16; this backend computes in f32",
        );
    }
  }
}
