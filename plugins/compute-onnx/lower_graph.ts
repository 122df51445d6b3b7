/** Lowers a tensor graph to a plan: one ONNX model for its head, primitives for its tail. */
import type { CompileOptions } from "@resd/core";
import {
  bytesOf,
  decompose,
  depthsOf,
  type Graph,
  graphCost,
  lower,
  PASSES,
  type Node,
  softmax,
  type Tensor,
} from "@resd/tensor";
import { Emitter, sizeOf } from "./emitter.ts";
import { encodeModel, type ValueInfo } from "./onnx_proto.ts";
import { partition } from "./partition.ts";
import type { Plan, Provider, Slot, SlotInfo, TailStep } from "./protocol.ts";
import { ropeRule, RULES, WEBGPU_RULES } from "./rules.ts";
import { MUCH_TO_COPY } from "./run_session.ts";

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

/** Of programs that work on less, nobody has to know exactly how much it is. */
const FEW_BYTES = 32 * 2 ** 20;

/** Tensors are compared by node and output position. */
class TensorMap<Value> {
  readonly #byNode = new Map<Node, Array<Value | undefined>>();

  get(tensor: Tensor): Value | undefined {
    return this.#byNode.get(tensor.node)?.[tensor.index];
  }

  set(tensor: Tensor, value: Value): void {
    const list = this.#byNode.get(tensor.node);
    if (list === undefined) {
      const made: Array<Value | undefined> = [];
      made[tensor.index] = value;
      this.#byNode.set(tensor.node, made);
    } else list[tensor.index] = value;
  }
}

const workOf = ({ op, inputs, outputs, attributes }: Node): number => {
  const results = sizeOf(outputs[0]!.shape);
  if (op !== "matMul") return results;
  return 2 * results * inputs[0]!.shape.at(attributes.transA === true ? -2 : -1)!;
};

/** Lowers the head: names of ONNX values, made on demand in topological order. */
class Head {
  readonly emitter = new Emitter();
  readonly names = new TensorMap<string>();
  readonly #used = new Map<string, Tensor>();
  readonly #provider: Provider;
  #work = 0;

  constructor(provider: Provider) {
    this.#provider = provider;
  }

  /** Inputs that the model reads. */
  get inputs(): ReadonlyArray<readonly [string, Tensor]> {
    return [...this.#used];
  }

  name(tensor: Tensor): string {
    const known = this.names.get(tensor);
    if (known !== undefined) return known;
    this.#lower(tensor.node);
    return this.names.get(tensor)!;
  }

  /** Arithmetic operations of all nodes so far, counting one a result but for products. */
  get work(): number {
    return this.#work;
  }

  #bind(node: Node, names: ReadonlyArray<string>): void {
    names.forEach((name, index) => {
      const { shape, dtype } = node.outputs[index]!;
      this.names.set({ node, index, shape, dtype }, name);
    });
  }

  #lower(node: Node): void {
    const { emitter } = this;
    if (node.op === "input") {
      const name = `in:${node.attributes.name as string}`;
      const { shape, dtype } = node.outputs[0]!;
      this.#used.set(name, { node, index: 0, shape, dtype });
      this.#bind(node, [name]);
      return;
    }
    if (node.op === "constant") {
      const { shape, dtype } = node.outputs[0]!;
      this.#bind(node, [emitter.tensor(node.attributes.data as ArrayLike<number>, shape, dtype)]);
      return;
    }
    if (node.op === "full") {
      const { shape, dtype } = node.outputs[0]!;
      const scalar = emitter.scalar(node.attributes.value as number, dtype);
      this.#bind(node, [
        shape.length === 0 ? scalar : emitter.emit("Expand", [scalar, emitter.longs(shape)]),
      ]);
      return;
    }
    this.#work += workOf(node);
    const rule =
      (this.#provider === "webgpu" ? WEBGPU_RULES[node.op] : undefined) ?? RULES[node.op];
    const inputs = () => node.inputs.map((input) => this.name(input));
    const special =
      node.op === "rope" ? ropeRule(emitter, node, (tensor) => this.name(tensor)) : undefined;
    if (special !== undefined) this.#bind(node, special);
    else if (rule !== undefined) this.#bind(node, rule(emitter, node, inputs()));
    else
      this.#bind(
        node,
        this.#decomposed(node).map((tensor) => this.name(tensor)),
      );
  }

  #decomposed(node: Node): ReadonlyArray<Tensor> {
    try {
      return decompose(node);
    } catch {
      throw new Error(
        `Expected the result of ${node.op} to be an output of the graph, got a use inside it; this backend runs ${node.op} after the session`,
      );
    }
  }
}

/** Slots of the plan: one a value that crosses between host, session and primitives. */
class Slots {
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
const tailSteps = (graph: Graph, slots: Slots): ReadonlyArray<Omit<TailStep, "inPlace">> => {
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
const withStorage = (
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
  const head = new Head(provider);
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
  const constant = new Set(options.constant ?? []);
  const used = head.inputs.map(([name, tensor]) => {
    const input = tensor.node.attributes.name as string;
    return { name, slot: slotOf.get(input)!, tensor, constant: constant.has(input) };
  });
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
