/** A compiled program in the worker: an ONNX session, the primitives after it, and who owns what. */
import * as ort from "onnxruntime-node";
import type { HostArray } from "@resd/core";
import { type ArrayStore, type Stored, sizeOf, tensorOf } from "./array_store.ts";
import { collectGarbage } from "./garbage.ts";
import { isLoop } from "./loops.ts";
import { allocate } from "./memory.ts";
import type { Plan, SessionSettings } from "./protocol.ts";
import { runSession } from "./run_session.ts";
import { runTail, type Stage, stagesOf } from "./tail.ts";
import type { Team } from "./team.ts";

/** Operations from which a second thread pays: below, waking it takes longer than what it takes over. */
const WORTH_THREADS = 4e6;

/** Bytes from which a program works without an arena: it computes long enough to ask the system for memory each time. */
const WITHOUT_ARENA = 256 * 2 ** 20;

const usesArena = ({ working }: Pick<Plan, "working">, { arena }: SessionSettings): boolean =>
  arena && working < WITHOUT_ARENA;

/** What ONNX Runtime keeps of a model, in sizes of its file. */
const MODEL_COPIES = 4;

const sessionOptions = (
  { work, working }: Plan,
  settings: SessionSettings,
  externalData: ReadonlyArray<{ readonly path: string; readonly data: Uint8Array }>,
): ort.InferenceSession.SessionOptions => ({
  executionProviders: settings.provider === "cpu" ? ["cpu"] : ["webgpu", "cpu"],
  graphOptimizationLevel: settings.optimization,
  intraOpNumThreads: work < WORTH_THREADS ? 1 : settings.threads,
  interOpNumThreads: 1,
  executionMode: "sequential",
  enableCpuMemArena: usesArena({ working }, settings),
  enableMemPattern: settings.memoryPattern,
  logSeverityLevel: 3,
  extra: {
    session: {
      intra_op: {
        allow_spinning: settings.spinMicros > 0 ? "1" : "0",
        ...(settings.spinMicros > 0 ? { spin_duration_us: String(settings.spinMicros) } : {}),
      },
      force_spinning_stop: "1",
    },
  },
  ...(externalData.length === 0 ? {} : { externalData }),
});

/** A copy that all threads see, which `slice` would not make. */
const copyOf = ({ data, dtype }: Stored): HostArray => {
  const copy = allocate(dtype, data.length);
  copy.set(data);
  return copy;
};

export class SessionProgram {
  readonly #plan: Plan;
  readonly #settings: SessionSettings;
  readonly #team: Team;
  readonly #stages: ReadonlyArray<Stage>;
  /** Positions of the inputs that are baked into the session. */
  readonly #constants: ReadonlyArray<number>;
  /** Whether each input is read by a loop, so that all threads have to see it. */
  readonly #looped: ReadonlyArray<boolean>;
  /** Whether each input is spent by a run. */
  readonly #donated: ReadonlyArray<boolean>;
  #session: ort.InferenceSession | undefined;
  /** Their handles in the present session. */
  #baked: ReadonlyArray<number> = [];

  constructor(plan: Plan, settings: SessionSettings, team: Team) {
    this.#plan = plan;
    this.#settings = settings;
    this.#team = team;
    this.#stages = stagesOf(plan.tail);
    this.#constants = plan.constants.map(({ slot }) =>
      plan.inputs.findIndex((input) => input.slot === slot),
    );
    const looped = new Set(plan.tail.flatMap(({ op, inputs }) => (isLoop(op) ? inputs : [])));
    this.#looped = plan.inputs.map(({ slot }) => looped.has(slot));
    this.#donated = plan.inputs.map(({ slot }) => plan.donate.includes(slot));
  }

  #bytesOf(values: ReadonlyArray<{ readonly slot: number }>): number {
    return values.reduce((sum, { slot }) => sum + sizeOf(this.#plan.slots[slot]!.shape) * 4, 0);
  }

  async #prepare(slots: ReadonlyArray<Stored | undefined>, handles: Int32Array): Promise<void> {
    const { model, constants } = this.#plan;
    if (model === undefined) return;
    const current = this.#constants.every((input, i) => handles[input] === this.#baked[i]);
    if (this.#session !== undefined && current) return;
    await this.#session?.release();
    const external = constants.map(({ name, slot }) => {
      const { data } = slots[slot]!;
      return { path: name, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
    });
    this.#session = await ort.InferenceSession.create(
      model,
      sessionOptions(this.#plan, this.#settings, external),
    );
    this.#baked = this.#constants.map((input) => handles[input]!);
  }

  /** Compiles the session now if nothing has to be baked into it, so that errors show at compile time. */
  async warm(): Promise<void> {
    if (this.#plan.constants.length === 0) await this.#prepare([], new Int32Array());
  }

  async run(
    store: ArrayStore,
    handles: Int32Array,
    data: ReadonlyArray<HostArray>,
    keep: Int32Array,
    read: ReadonlyArray<number>,
  ): Promise<ReadonlyArray<HostArray>> {
    collectGarbage();
    const plan = this.#plan;
    const slots: Array<Stored | undefined> = Array.from({ length: plan.slots.length });
    let host = 0;
    plan.inputs.forEach(({ slot }, index) => {
      const handle = handles[index]!;
      if (handle >= 0) {
        slots[slot] = store.get(handle);
        return;
      }
      const given = { ...plan.slots[slot]!, data: data[host++]! };
      slots[slot] = this.#looped[index] ? { ...given, data: copyOf(given) } : given;
    });
    await this.#prepare(slots, handles);
    if (this.#session !== undefined) {
      const feeds: Record<string, ort.Tensor> = {};
      for (const { name, slot } of plan.feeds) feeds[name] = tensorOf(slots[slot]!);
      const fetches: Record<string, ort.Tensor> = {};
      for (const { name, slot } of plan.fetches) {
        const made = store.make(plan.slots[slot]!);
        slots[slot] = made;
        fetches[name] = tensorOf(made);
      }
      await runSession(this.#session, feeds, fetches, plan.stop);
    }
    runTail(plan, this.#stages, slots, store, this.#team);
    return this.#settle(store, slots, handles, keep, read);
  }

  /** Hands outputs over, spends donated inputs, and gives every other buffer back. */
  #settle(
    store: ArrayStore,
    slots: ReadonlyArray<Stored | undefined>,
    handles: Int32Array,
    keep: Int32Array,
    read: ReadonlyArray<number>,
  ): ReadonlyArray<HostArray> {
    const plan = this.#plan;
    const values = read.map((position) => slots[plan.outputs[position]!.slot]!.data.slice());
    const inputs = new Set<HostArray>();
    const borrowed = new Set<HostArray>(); // inputs that somebody else keeps
    plan.inputs.forEach(({ slot }, index) => {
      const { data } = slots[slot]!;
      inputs.add(data);
      if (handles[index]! < 0 || !this.#donated[index]!) borrowed.add(data);
    });
    const alive = new Set<HostArray>();
    plan.outputs.forEach(({ slot }, position) => {
      const id = keep[position]!;
      if (id < 0) return;
      const array = slots[slot]!;
      // Two handles never share one buffer: releasing one would hand the other's memory to the next run.
      const taken = alive.has(array.data) || borrowed.has(array.data);
      const data = taken ? copyOf(array) : array.data;
      alive.add(data);
      store.set(id, { data, shape: array.shape, dtype: array.dtype });
    });
    plan.inputs.forEach(({ slot }, index) => {
      const handle = handles[index]!;
      if (handle < 0 || !this.#donated[index]!) return;
      if (alive.has(slots[slot]!.data)) store.forget(handle);
      else store.release(handle);
    });
    const given = new Set<HostArray>();
    slots.forEach((array, slot) => {
      if (array === undefined) return;
      if (alive.has(array.data) || inputs.has(array.data) || given.has(array.data)) return;
      given.add(array.data);
      store.pool.give(plan.slots[slot]!.dtype, array.data);
    });
    return values;
  }

  /** Bytes kept between runs: weights that are baked in, once as they are and once packed, and the arena. */
  get held(): number {
    if (this.#session === undefined) return 0;
    const { model, constants, working } = this.#plan;
    return (
      (model?.byteLength ?? 0) * MODEL_COPIES +
      2 * this.#bytesOf(constants) +
      (usesArena(this.#plan, this.#settings) ? working : 0)
    );
  }

  /** Gives the session's memory back. The next run makes a session again. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.release();
  }
}
