/** Rotary position embeddings. */
import type { Node, Tensor } from "@resd/tensor";
import { CONTRIB, type Emitter, int, sizeOf } from "../emitter.ts";
import { ELEMENT } from "../onnx_proto.ts";
import { input, type SpecialRule } from "./rule.ts";

/** cos/sin tables that hold one row a position, as RotaryEmbedding wants them: [..1, T, D/2]. */
const isTable = (table: Tensor, T: number): boolean =>
  table.shape.at(-2) === T && table.shape.slice(0, -2).every((size) => size === 1);

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
export const ropeRule: SpecialRule = (emitter, node, name) => {
  const found = rotation(emitter, node, name);
  if (found === undefined) return undefined;
  const inputs = [name(input(node, 0)), found.positions, found.cos, found.sin];
  return [emitter.emit("RotaryEmbedding", inputs, [int("interleaved", 0)], CONTRIB)];
};
