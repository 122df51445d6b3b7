/** The part of a graph that this backend runs itself, as steps over slots. */
import { type Graph, type Node, softmax, type Tensor } from "@resd/tensor";
import { partition } from "./partition.ts";
import type { Slot, SlotInfo, TailStep } from "./protocol.ts";
import { TensorMap } from "./tensor_map.ts";

/** Which input each primitive may overwrite when it was donated, by output position. */
const TAKES_OVER: Readonly<
  Record<string, ReadonlyArray<readonly [output: number, input: number]>>
> = {
  adamw: [
    [0, 0],
    [1, 2],
    [2, 3],
  ],
  lerp: [[0, 0]],
  axpy: [[0, 0]],
  cacheWrite: [[0, 0]],
  scatterAddInto: [[0, 0]],
  add: [[0, 0]],
  reshape: [[0, 0]],
};

/** Slots of the plan: one a value that crosses between host, session and primitives. */
export class Slots {
  /** The value of every slot. */
  readonly tensors: Array<Tensor> = [];
  readonly #known = new TensorMap<Slot>();

  of(tensor: Tensor): Slot {
    const known = this.#known.get(tensor);
    if (known !== undefined) return known;
    const slot = this.tensors.push(tensor) - 1;
    this.#known.set(tensor, slot);
    return slot;
  }

  get infos(): ReadonlyArray<SlotInfo> {
    return this.tensors.map(({ shape, dtype }) => ({ shape, dtype }));
  }
}

const numbersOnly = (attributes: Readonly<Record<string, unknown>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(attributes).filter(
      (entry): entry is [string, number] => typeof entry[1] === "number",
    ),
  );

/** The tail as steps, without storage decisions. */
export const tailSteps = (graph: Graph, slots: Slots): ReadonlyArray<Omit<TailStep, "inPlace">> => {
  const { tail, fused } = partition(graph);
  const taken = new Set(fused.values());
  const inputsOf = (node: Node): ReadonlyArray<Tensor> => {
    const scatter = fused.get(node);
    if (scatter !== undefined) {
      return [node.inputs.find((input) => input.node !== scatter)!, ...scatter.inputs];
    }
    return node.op === "sample" ? [...node.inputs, softmax(node.inputs[0]!)] : node.inputs;
  };
  return graph.nodes.flatMap((node) => {
    if (!tail.has(node) || taken.has(node)) return [];
    return [
      {
        op: fused.has(node) ? "scatterAddInto" : node.op,
        inputs: inputsOf(node).map((tensor) => slots.of(tensor)),
        outputs: node.outputs.map(({ shape, dtype }, index) =>
          slots.of({ node, index, shape, dtype }),
        ),
        attributes: numbersOnly(node.attributes),
      },
    ];
  });
};

/** Lets steps take over storage: of donated inputs, and of values that nobody reads later. */
export const withStorage = (
  steps: ReadonlyArray<Omit<TailStep, "inPlace">>,
  inputSlots: ReadonlySet<Slot>,
  donated: ReadonlySet<Slot>,
  outputSlots: ReadonlySet<Slot>,
): ReadonlyArray<TailStep> =>
  steps.map((step, index) => {
    const free = (slot: Slot): boolean =>
      (!inputSlots.has(slot) || donated.has(slot)) &&
      !outputSlots.has(slot) &&
      step.inputs.filter((other) => other === slot).length === 1 &&
      !steps.slice(index + 1).some((later) => later.inputs.includes(slot));
    return {
      ...step,
      inPlace: (TAKES_OVER[step.op] ?? []).filter(([, input]) => free(step.inputs[input]!)),
    };
  });
