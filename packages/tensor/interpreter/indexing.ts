import type { OpName } from "../op_attributes.ts";
import { sampleRow } from "../sample_row.ts";
import { TensorError } from "../tensor_error.ts";
import type { Kernel, Values } from "./kernel.ts";

/** An id, if it lies in its axis. A backend may read anything there; the oracle does not. */
const checked = (op: OpName, ids: Values, position: number, size: number): number => {
  const id = ids[position]!;
  if (id >= 0 && id < size) return id;
  throw new TensorError(
    `${op}: Expected ids from 0 to ${size - 1}, got ${id}, at position ${position}; check where the ids come from`,
  );
};

const gatherRows: Kernel<"gatherRows"> = ({ op, types, inputs, outputs, allocate }) => {
  const [table, ids] = inputs;
  const [height, width] = types[0]!.shape as [number, number];
  const out = allocate(outputs[0]!);
  for (let i = 0; i < ids!.length; i++) {
    const start = checked(op, ids!, i, height) * width;
    out.set(table!.subarray(start, start + width), i * width);
  }
  return [out];
};

const scatterAddRows: Kernel<"scatterAddRows"> = ({ op, inputs, outputs, allocate }) => {
  const [rows, ids] = inputs;
  const [height, width] = outputs[0]!.shape as [number, number];
  const totals = new Float64Array(height * width);
  for (let i = 0; i < ids!.length; i++) {
    const start = checked(op, ids!, i, height) * width;
    for (let d = 0; d < width; d++) totals[start + d]! += rows![i * width + d]!;
  }
  const out = allocate(outputs[0]!);
  out.set(totals);
  return [out];
};

const gatherLast: Kernel<"gatherLast"> = ({ op, types, inputs, outputs, allocate }) => {
  const [x, ids] = inputs;
  const width = types[0]!.shape.at(-1)!;
  const k = outputs[0]!.shape.at(-1)!;
  const out = allocate(outputs[0]!);
  for (let i = 0; i < out.length; i++) {
    out[i] = x![Math.floor(i / k) * width + checked(op, ids!, i, width)]!;
  }
  return [out];
};

const scatterAddLast: Kernel<"scatterAddLast"> = ({ op, types, inputs, outputs, allocate }) => {
  const [values, ids] = inputs;
  const width = outputs[0]!.shape.at(-1)!;
  const k = types[0]!.shape.at(-1)!;
  const out = allocate(outputs[0]!);
  const totals = new Float64Array(out.length);
  for (let i = 0; i < values!.length; i++) {
    totals[Math.floor(i / k) * width + checked(op, ids!, i, width)]! += values![i]!;
  }
  out.set(totals);
  return [out];
};

const topK: Kernel<"topK"> = ({ attributes: { k }, types, inputs, outputs, allocate }) => {
  const [x] = inputs;
  const width = types[0]!.shape.at(-1)!;
  const [values, indices] = outputs.map(allocate) as [Values, Values];
  for (let row = 0; row * width < x!.length; row++) {
    const start = row * width;
    const order = Array.from({ length: width }, (_, i) => i);
    order.sort((a, b) => x![start + b]! - x![start + a]! || a - b);
    for (let i = 0; i < k; i++) {
      values[row * k + i] = x![start + order[i]!]!;
      indices[row * k + i] = order[i]!;
    }
  }
  return [values, indices];
};

const cacheWrite: Kernel<"cacheWrite"> = ({ op, types, inputs, outputs, allocate }) => {
  const [cache, rows, positions] = inputs;
  const [B, G, C, D] = types[0]!.shape as [number, number, number, number];
  const T = types[1]!.shape[2]!;
  const out = allocate(outputs[0]!);
  out.set(cache!);
  for (let b = 0; b < B; b++) {
    const position = checked(op, positions!, b, C - T + 1);
    for (let g = 0; g < G; g++) {
      const from = (b * G + g) * T * D;
      out.set(rows!.subarray(from, from + T * D), ((b * G + g) * C + position) * D);
    }
  }
  return [out];
};

const sample: Kernel<"sample"> = ({ attributes, types, inputs, outputs, allocate }) => {
  const [logits, uniforms, temperature, topP] = inputs;
  const width = types[0]!.shape[1]!;
  const [ids, logProbs] = outputs.map(allocate) as [Values, Values];
  for (let row = 0; row < ids.length; row++) {
    const drawn = sampleRow(logits!.subarray(row * width, (row + 1) * width), {
      uniform: uniforms![row]!,
      temperature: temperature![row]!,
      topP: topP![row]!,
      topK: attributes.topK,
    });
    ids[row] = drawn.id;
    logProbs[row] = drawn.logProb;
  }
  return [ids, logProbs];
};

export const indexing = {
  gatherRows,
  scatterAddRows,
  gatherLast,
  scatterAddLast,
  topK,
  cacheWrite,
  sample,
};
