import { formatShape, type Shape } from "./shape.ts";

/** A graph, or the data given to one, is wrong. The message says what was expected, what came and what to do. */
export class TensorError extends Error {
  readonly _tag: string = "TensorError";
  override readonly name: string = "TensorError";
}

/** Shapes that an operation cannot take. `shapes` are those of all its tensor inputs, in order. */
export class ShapeError extends TensorError {
  override readonly _tag = "ShapeError";
  override readonly name = "ShapeError";
  readonly op: string;
  readonly shapes: ReadonlyArray<Shape>;

  /** `expected` completes "Expected …"; `remedy` tells the caller what to do. */
  constructor(op: string, expected: string, shapes: ReadonlyArray<Shape>, remedy: string) {
    const got = shapes.length === 0 ? "none" : shapes.map(formatShape).join(" and ");
    super(`${op}: Expected ${expected}, got ${got}; ${remedy}`);
    this.op = op;
    this.shapes = shapes;
  }
}
