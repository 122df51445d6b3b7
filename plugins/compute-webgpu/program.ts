/** A compiled schedule: pipelines, numbers and bind groups stay; a run fills in the buffers that it is given. */
import { ComputeError, type Arr, type DType, type HostArray } from "@resd/core";
import { type Allocation, allocate, type Place } from "./allocate.ts";
import { type ArrayStore, dtypeOf, typeName } from "./array_store.ts";
import type { PooledBuffer } from "./buffer_pool.ts";
import { GPUBufferUsage } from "./device.ts";
import type { CompiledKernel, Pipelines } from "./pipelines.ts";
import { bytesOf, type Kernel, type Schedule } from "./schedule.ts";
import type { Workspace } from "./workspace.ts";

/** What programs of one device share. */
export interface Machine {
  readonly device: GPUDevice;
  readonly store: ArrayStore;
  readonly workspace: Workspace;
  readonly pipelines: Pipelines;
  /** Uniform offsets are multiples of it. */
  readonly alignment: number;
}

/** An output that is read: where its bytes lie. The buffer goes back to the pool once they are copied. */
export interface Reading {
  readonly name: string;
  readonly buffer: PooledBuffer;
  readonly dtype: DType;
  readonly size: number;
}

export interface Encoded {
  readonly commands: GPUCommandEncoder;
  readonly arrays: Readonly<Record<string, Arr>>;
  readonly readings: ReadonlyArray<Reading>;
  /** Buffers that nobody needs once the commands are queued. */
  readonly done: ReadonlyArray<PooledBuffer>;
}

/** Bind groups kept for a kernel: outputs alternate between a few buffers. */
const MOST_GROUPS = 8;

interface Dispatch {
  readonly kernel: Kernel;
  readonly compiled: CompiledKernel;
  readonly places: ReadonlyArray<Place>;
  /** Whether every buffer is the program's own, so that one bind group does for all runs. */
  readonly fixed: boolean;
  readonly groups: Map<string, GPUBindGroup>;
}

export class DeviceProgram {
  readonly name: string;
  readonly schedule: Schedule;
  readonly #machine: Machine;
  readonly #allocation: Allocation;
  readonly #dispatches: ReadonlyArray<Dispatch>;
  readonly #numbers: GPUBuffer;
  readonly #offsets: ReadonlyArray<number>;
  readonly #constants: ReadonlyArray<PooledBuffer>;
  /** Positions of slots in the workspace. */
  readonly #slots: ReadonlyArray<number>;
  #epoch: number;

  private constructor(
    machine: Machine,
    schedule: Schedule,
    compiled: ReadonlyArray<CompiledKernel>,
  ) {
    const { device, store, workspace, alignment } = machine;
    const allocation = allocate(schedule);
    this.name = schedule.name;
    this.schedule = schedule;
    this.#machine = machine;
    this.#allocation = allocation;
    this.#slots = workspace.reserve(allocation.slots, schedule.name);
    this.#epoch = workspace.epoch;
    this.#constants = schedule.constants.map(({ value, data }) =>
      store.upload(data, schedule.values[value]!.dtype, `constant of ${schedule.name}`),
    );
    let end = 0;
    this.#offsets = schedule.kernels.map(({ numbers }) => {
      const offset = end;
      end = Math.ceil((offset + numbers.byteLength) / alignment) * alignment;
      return offset;
    });
    const words = new Uint32Array(Math.max(4, end / 4));
    schedule.kernels.forEach(({ numbers }, index) => words.set(numbers, this.#offsets[index]! / 4));
    this.#numbers = device.createBuffer({
      label: `numbers of ${schedule.name}`,
      size: words.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(this.#numbers, 0, words);
    this.#dispatches = schedule.kernels.map((kernel, index) => {
      const places = kernel.bindings.map(({ value }) => allocation.places[value]!);
      const fixed = places.every(({ kind }) => kind === "slot" || kind === "constant");
      return { kernel, compiled: compiled[index]!, places, fixed, groups: new Map() };
    });
  }

  static async compile(machine: Machine, schedule: Schedule): Promise<DeviceProgram> {
    const compiled = await Promise.all(
      schedule.kernels.map((kernel) => machine.pipelines.get(kernel, schedule.name)),
    );
    return new DeviceProgram(machine, schedule, compiled);
  }

  /** Bytes that the program holds, and those that a run needs besides its inputs. */
  get bytes(): { readonly persistent: number; readonly peak: number } {
    const sum = (list: ReadonlyArray<number>): number => list.reduce((all, one) => all + one, 0);
    const persistent = this.#numbers.size + sum(this.#constants.map(({ bytes }) => bytes));
    const { slots, outputs } = this.#allocation;
    return { persistent, peak: persistent + sum(slots) + sum(outputs.map(({ bytes }) => bytes)) };
  }

  #refuse(message: string): never {
    throw new ComputeError({ op: this.name, message: `${message}, at ${this.name}` });
  }

  /** The buffers of all inputs, checked before anything is spent. */
  #bind(inputs: Readonly<Record<string, Arr | HostArray>>): {
    readonly buffers: ReadonlyArray<PooledBuffer>;
    readonly uploads: ReadonlyArray<PooledBuffer>;
  } {
    const { store } = this.#machine;
    const uses = new Map<number, Array<string>>();
    for (const { name, shape, dtype } of this.schedule.inputs) {
      const given = inputs[name];
      const wanted = `Expected ${typeName(dtype, shape)} as input ${name}`;
      if (given === undefined) this.#refuse(`${wanted}, got nothing`);
      if (ArrayBuffer.isView(given)) {
        const size = shape.reduce((product, axis) => product * axis, 1);
        if (dtypeOf(given) !== dtype || given.length !== size) {
          this.#refuse(`${wanted}, got ${given.length} values of ${dtypeOf(given)}`);
        }
        continue;
      }
      if (given.dtype !== dtype || given.shape.join() !== shape.join()) {
        this.#refuse(`${wanted}, got ${typeName(given.dtype, given.shape)}`);
      }
      store.get(given, `input ${name} of ${this.name}`);
      uses.set(given.id, [...(uses.get(given.id) ?? []), name]);
    }
    const donated = new Set(this.schedule.inputs.filter((_) => _.donated).map(({ name }) => name));
    for (const [id, names] of uses) {
      if (names.length > 1 && names.some((name) => donated.has(name))) {
        this.#refuse(
          `Expected a donated array under one name, got array ${id} as ${names.join(" and ")}; copy it or do not donate it`,
        );
      }
    }
    const uploads: Array<PooledBuffer> = [];
    const buffers = this.schedule.inputs.map(({ name, dtype }) => {
      const given = inputs[name]!;
      if (!ArrayBuffer.isView(given)) return store.get(given, name);
      const buffer = store.upload(given, dtype, name);
      uploads.push(buffer);
      return buffer;
    });
    return { buffers, uploads };
  }

  #buffer(
    place: Place,
    inputs: ReadonlyArray<PooledBuffer>,
    outputs: ReadonlyArray<PooledBuffer>,
  ): PooledBuffer {
    switch (place.kind) {
      case "slot":
        return this.#machine.workspace.at(this.#slots[place.slot]!);
      case "input":
        return inputs[place.input]!;
      case "output":
        return outputs[place.output]!;
      case "constant":
        return this.#constants[place.constant]!;
    }
  }

  #group(
    index: number,
    inputs: ReadonlyArray<PooledBuffer>,
    outputs: ReadonlyArray<PooledBuffer>,
  ): GPUBindGroup {
    const { kernel, compiled, places, fixed, groups } = this.#dispatches[index]!;
    let key = "";
    if (!fixed) {
      for (const place of places) {
        if (place.kind === "input") key += `${inputs[place.input]!.id} `;
        else if (place.kind === "output") key += `${outputs[place.output]!.id} `;
      }
    }
    const known = groups.get(key);
    if (known !== undefined) return known;
    const resources = places.map((place) => this.#buffer(place, inputs, outputs).buffer);
    const group = this.#machine.device.createBindGroup({
      label: `${kernel.label} @ ${this.name}`,
      layout: compiled.layout,
      entries: [
        {
          binding: 0,
          resource: {
            buffer: this.#numbers,
            offset: this.#offsets[index]!,
            size: kernel.numbers.byteLength,
          },
        },
        ...resources.map((buffer, position) => ({
          binding: position + 1,
          resource: {
            buffer,
            offset: this.#allocation.offsets[kernel.bindings[position]!.value]!,
            size: bytesOf(this.schedule.values[kernel.bindings[position]!.value]!),
          },
        })),
      ],
    });
    if (groups.size >= MOST_GROUPS) groups.delete(groups.keys().next().value!);
    groups.set(key, group);
    return group;
  }

  /** Records one run. Handles of donated inputs are spent; the caller queues the commands at once. */
  encode(inputs: Readonly<Record<string, Arr | HostArray>>, read: ReadonlyArray<string>): Encoded {
    const { device, store, workspace } = this.#machine;
    const { schedule } = this;
    const unknown = read.find((name) => !schedule.outputs.some((output) => output.name === name));
    if (unknown !== undefined) {
      const names = schedule.outputs.map(({ name }) => name).join(", ");
      this.#refuse(`Expected one of the outputs ${names} to read, got ${unknown}`);
    }
    if (this.#epoch !== workspace.epoch) {
      for (const { groups } of this.#dispatches) groups.clear();
      this.#epoch = workspace.epoch;
    }
    const { buffers, uploads } = this.#bind(inputs);
    const made = this.#allocation.outputs.map(({ value, bytes }) =>
      store.pool.take(bytes, `${schedule.values[value]!.label} of ${this.name}`),
    );
    const commands = device.createCommandEncoder({ label: this.name });
    if (this.#dispatches.length > 0) {
      const pass = commands.beginComputePass({ label: this.name });
      this.#dispatches.forEach(({ kernel, compiled }, index) => {
        pass.setPipeline(compiled.pipeline);
        pass.setBindGroup(0, this.#group(index, buffers, made));
        pass.dispatchWorkgroups(...kernel.workgroups);
      });
      pass.end();
    }
    return this.#settle(commands, inputs, read, buffers, uploads, made);
  }

  /** Hands outputs over, spends donated inputs, and says which buffers are free again. */
  #settle(
    commands: GPUCommandEncoder,
    inputs: Readonly<Record<string, Arr | HostArray>>,
    read: ReadonlyArray<string>,
    buffers: ReadonlyArray<PooledBuffer>,
    uploads: ReadonlyArray<PooledBuffer>,
    made: ReadonlyArray<PooledBuffer>,
  ): Encoded {
    const { store } = this.#machine;
    const { schedule } = this;
    const arrays: Record<string, Arr> = {};
    const readings: Array<Reading> = [];
    // Buffers that nobody else keeps: an output may have one of them for itself.
    const own = new Set([...made, ...uploads]);
    schedule.inputs.forEach(({ name, donated }, index) => {
      const given = inputs[name]!;
      if (!donated || ArrayBuffer.isView(given)) return;
      own.add(buffers[index]!);
      store.spend(given.id, `was donated to ${this.name}`);
    });
    const free = new Set(own);
    for (const { name, value, shape, dtype } of schedule.outputs) {
      const { size } = schedule.values[value]!;
      const place = this.#allocation.places[value]!;
      const buffer = this.#buffer(place, buffers, made);
      if (read.includes(name)) {
        readings.push({ name, buffer, dtype, size });
        continue;
      }
      if (free.has(buffer)) {
        free.delete(buffer);
        arrays[name] = store.own(buffer, shape, dtype);
        continue;
      }
      const bytes = bytesOf({ size, dtype });
      const copy = store.pool.take(bytes, name);
      commands.copyBufferToBuffer(buffer.buffer, 0, copy.buffer, 0, bytes);
      arrays[name] = store.own(copy, shape, dtype);
    }
    return { commands, arrays, readings, done: [...free] };
  }

  dispose(): void {
    this.#numbers.destroy();
    for (const buffer of this.#constants) this.#machine.store.pool.give(buffer);
  }
}
