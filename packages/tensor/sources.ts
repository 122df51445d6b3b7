/** Where values come from: named inputs, data and single values. */
import { apply } from "./apply.ts";
import { formatShape, type Shape, sizeOf } from "./shape.ts";
import type { ConstantData, DType, Tensor } from "./tensor.ts";
import { TensorError } from "./tensor_error.ts";

/** A value given by name when the graph runs. Inputs of one name are one value; their shapes and dtypes must agree. */
export const input = (name: string, shape: Shape, dtype: DType = "f32"): Tensor => {
  if (name === "")
    throw new TensorError("input: Expected a name, got an empty one; name the input");
  return apply("input", [], { name, shape: [...shape], dtype });
};

const copyOf = (data: ArrayLike<number>, dtype: DType): ConstantData => {
  if (dtype === "i32") return Int32Array.from(data);
  if (dtype === "bool") return Uint8Array.from(data, (value) => (value === 0 ? 0 : 1));
  return Float32Array.from(data);
};

/** Data baked into the graph, row-major; copied, and rounded to f32 for floats. Large or changing data belongs in an input. */
export const constant = (data: ArrayLike<number>, shape: Shape, dtype: DType = "f32"): Tensor => {
  const count = sizeOf(shape);
  if (data.length !== count) {
    throw new TensorError(
      `constant: Expected ${count} values for ${formatShape(shape)}, got ${data.length}; check the shape`,
    );
  }
  return apply("constant", [], { data: copyOf(data, dtype), shape: [...shape], dtype });
};

/** One value everywhere. */
export const full = (value: number, shape: Shape, dtype: DType = "f32"): Tensor =>
  apply("full", [], { value, shape: [...shape], dtype });
