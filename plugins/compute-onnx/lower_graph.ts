/** Lowers a tensor graph to a plan: one ONNX model for its head, primitives for its tail. */
import type { CompileOptions } from "@resd/core";
import { bytesOf, depthsOf, type Graph, graphCost, lower, PASSES, type Tensor } from "@resd/tensor";
import { sizeOf } from "./emitter.ts";
import { Head } from "./head.ts";
import { encodeModel, type ValueInfo } from "./onnx_proto.ts";
import type { Plan, Provider, Slot } from "./protocol.ts";
import { MUCH_TO_COPY } from "./run_session.ts";
import { Slots, tailSteps, withStorage } from "./tail_steps.ts";

/** Of programs that work on less, nobody has to know exactly how much it is. */
const FEW_BYTES = 32 * 2 ** 20;

/** Bytes of all values together, where they are few; else of those that are needed at the same time. */
const workingOf = (graph: Graph): number => {
  const all = graph.nodes.reduce(
    (sum, node) => node.outputs.reduce((more, type) => more + bytesOf(type), sum),
    0,
  );
  return all < FEW_BYTES ? all : graphCost(graph).working;
};

/**
 * Passes are taken apart before anything else, so that forward and backward share what they have in
 * common; the other primitives have an operator of their own, or are taken apart where they stand.
 */
export const lowerGraph = (
  source: Graph,
  options: CompileOptions = {},
  provider: Provider = "cpu",
): Plan => {
  const graph = lower(source, (op) => !PASSES.has(op));
  const names = new Set(graph.inputs.map((input) => input.name));
  for (const name of [...(options.donate ?? []), ...(options.constant ?? [])]) {
    if (!names.has(name)) {
      throw new Error(`Expected one of the inputs ${[...names].join(", ")}, got ${name}`);
    }
  }
  const slots = new Slots();
  const inputNodes = new Map(
    graph.nodes.filter((node) => node.op === "input").map((node) => [node.attributes.name, node]),
  );
  const inputs = graph.inputs.map(({ name, shape, dtype }) => ({
    name,
    slot: slots.of({ node: inputNodes.get(name)!, index: 0, shape, dtype }),
  }));
  const slotOf = new Map(inputs.map(({ name, slot }) => [name, slot]));
  const steps = tailSteps(graph, slots);
  const outputs = graph.outputs.map(({ name, tensor }) => ({ name, slot: slots.of(tensor) }));

  // Everything that the tail or the outputs read and that neither is an input nor made by the tail comes from the session.
  const inputSlots = new Set(inputs.map(({ slot }) => slot));
  const made = new Set(steps.flatMap((step) => step.outputs));
  const read = [...outputs.map(({ slot }) => slot), ...steps.flatMap((step) => step.inputs)];
  const wanted = new Set(read.filter((slot) => !inputSlots.has(slot) && !made.has(slot)));
  const head = new Head(provider, new Set(options.constant ?? []));
  const fetched = new Set<string>();
  // ONNX Runtime begins with what was emitted last: what is quickly computed, and what it needed is no longer kept.
  const depths = depthsOf(graph);
  const depthOf = (slot: Slot): number => depths.get(slots.tensors[slot]!.node) ?? 0;
  const deepestFirst = [...wanted].toSorted((a, b) => depthOf(b) - depthOf(a));
  const fetches = deepestFirst.map((slot) => {
    const tensor = slots.tensors[slot]!;
    const plain = head.name(tensor);
    // ONNX outputs must be distinct, and may not be inputs or initializers.
    const own = head.emitter.isNodeOutput(plain) && !fetched.has(plain);
    const name = own ? plain : head.emitter.copy(plain);
    fetched.add(name);
    return { slot, name, tensor };
  });
  const results = fetches.reduce((sum, { tensor }) => sum + bytesOf(tensor), 0);
  const stop = results < MUCH_TO_COPY ? undefined : head.emitter.emit("SequenceEmpty", []);
  const used = head.inputs.map((own) => ({ ...own, slot: slotOf.get(own.input)! }));
  const info = (name: string, { shape, dtype }: Tensor): ValueInfo => ({
    name,
    shape,
    element: dtype,
  });
  const donated = new Set((options.donate ?? []).map((name) => slotOf.get(name)!));
  return {
    name: graph.name,
    work: head.work,
    working: workingOf(graph),
    model:
      fetches.length === 0
        ? undefined
        : encodeModel({
            name: graph.name,
            nodes: head.emitter.nodes,
            initializers: [
              ...head.emitter.initializers,
              ...used
                .filter((input) => input.constant)
                .map(({ name, tensor }) => ({
                  name,
                  element: tensor.dtype,
                  shape: tensor.shape,
                  external: { path: name, bytes: sizeOf(tensor.shape) * 4 },
                })),
            ],
            inputs: used
              .filter((input) => !input.constant)
              .map(({ name, tensor }) => info(name, tensor)),
            outputs: fetches.map(({ name, tensor }) => info(name, tensor)),
            sequence: stop,
          }),
    slots: slots.infos,
    inputs,
    feeds: used.filter((input) => !input.constant).map(({ name, slot }) => ({ name, slot })),
    fetches: fetches.map(({ name, slot }) => ({ name, slot })),
    stop,
    constants: used.filter((input) => input.constant).map(({ name, slot }) => ({ name, slot })),
    tail: withStorage(steps, inputSlots, donated, new Set(outputs.map(({ slot }) => slot))),
    outputs,
    donate: [...donated],
  };
};
