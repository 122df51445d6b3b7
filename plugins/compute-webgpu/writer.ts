/** Puts one kernel's WGSL together: numbers, buffers, statements, and what helpers it calls. */
import type { DType } from "@resd/tensor";
import type { ProductSettings } from "./product_plan.ts";
import type { AttentionVariant, RowVariant } from "./select.ts";
import { type Binding, type Element, elementOf, type Kernel, type ValueId } from "./schedule.ts";

/** What a kernel is written for. */
export interface Target {
  /** Whether the adapter is a processor: barriers are dear and lanes are few. */
  readonly software: boolean;
  /** Whether sizes stand in the text as literals, or are read from a uniform. */
  readonly knownSizes: boolean;
  readonly f16: boolean;
  /** Whether lanes of a subgroup can exchange numbers. */
  readonly subgroups: boolean;
  /** How rows become one number, or what suits the adapter. */
  readonly rows: "auto" | RowVariant;
  /** Whether regions of rows have one kernel. */
  readonly losses: "fused" | "apart";
  /** The variant of attention, or the one that suits the adapter. */
  readonly attention: "auto" | AttentionVariant;
  /** Invocations of every subgroup; 0 where there are none, or their number varies. */
  readonly subgroup: number;
  /** Invocations of a workgroup. */
  readonly maxLanes: number;
  /** Bytes of a workgroup's shared memory. */
  readonly maxShared: number;
  readonly products: ProductSettings;
  /** Buffers that one kernel may see besides the uniform. */
  readonly maxBuffers: number;
  /** Bytes of one binding. */
  readonly maxBinding: number;
  /** Where in a buffer a binding may begin: bytes, a power of 2. */
  readonly bindingAlignment: number;
  /** Bytes of one buffer. */
  readonly maxBuffer: number;
}

/** Most workgroups along one axis of a dispatch. */
const MAX_GROUPS = 65_535;

/** Workgroups of a dispatch, folded to two axes; kernels count them by `group`. */
export const foldGroups = (count: number): readonly [x: number, y: number] => {
  const y = Math.ceil(count / MAX_GROUPS);
  return y <= 1 ? [count, 1] : [Math.ceil(count / y), y];
};

interface Buffer {
  readonly name: string;
  readonly value: ValueId;
  readonly element: string;
  access: "read" | "modify";
}

/** Values that every kernel text may hold as literals: they do not depend on sizes. */
const LITERALS = new Set([0, 1, -1, 2, 0.5, -0.5, -2]);

const bits = new DataView(new ArrayBuffer(4));

const floatBits = (value: number): number => {
  bits.setFloat32(0, value);
  return bits.getUint32(0);
};

export class Writer {
  readonly target: Target;
  readonly #numbers: Array<number> = [];
  readonly #positions = new Map<number, number>();
  readonly #buffers: Array<Buffer> = [];
  readonly #functions = new Map<string, string>();
  readonly #shared: Array<string> = [];
  readonly #extensions = new Set<string>();
  readonly #unchecked = new Set<string>();
  #usesSubgroups = false;
  #lines: Array<string> = [];
  #scopes: Array<Map<string, string>> = [new Map()];
  #next = 0;

  constructor(target: Target) {
    this.target = target;
  }

  /** A number below 2³² that follows from sizes. */
  u(value: number): string {
    const word = value >>> 0;
    if (this.target.knownSizes || value === 0 || value === 1) return `${word}u`;
    return this.#word(word);
  }

  #word(word: number): string {
    const position = this.#positions.get(word) ?? this.#numbers.push(word) - 1;
    this.#positions.set(word, position);
    return `numbers[${position >> 2}].${"xyzw"[position & 3]}`;
  }

  /** A constant of the graph as f32. */
  f(value: number): string {
    if (LITERALS.has(value) && !Object.is(value, -0)) {
      return value < 0 ? `(${value.toFixed(1)})` : value.toFixed(1);
    }
    return `bitcast<f32>(${this.#word(floatBits(value))})`;
  }

  /** A constant of the graph in the WGSL type of `dtype`. */
  literal(value: number, dtype: DType): string {
    if (dtype === "bool") return value === 0 ? "false" : "true";
    if (dtype === "i32") return `bitcast<i32>(${this.#word(value >>> 0)})`;
    return this.f(value);
  }

  /** The name of the buffer of a value. */
  buffer(
    value: ValueId,
    dtype: DType,
    access: "read" | "modify" = "read",
    width: 1 | 2 | 4 = 1,
  ): string {
    const element = width === 1 ? elementOf(dtype) : `vec${width}<${elementOf(dtype)}>`;
    const known = this.#buffers.find((one) => one.value === value);
    if (known !== undefined) {
      if (access === "modify") known.access = "modify";
      return known.name;
    }
    const name = `b${this.#buffers.length}`;
    this.#buffers.push({ name, value, element, access });
    return name;
  }

  /** How many buffers are bound so far. */
  get buffers(): number {
    return this.#buffers.length;
  }

  /** A function that the kernel calls; the same one may be asked for often. */
  helper(name: string, text: string): string {
    this.#functions.set(name, text);
    return name;
  }

  /** An extension of WGSL that the kernel needs. */
  enable(extension: string): void {
    this.#extensions.add(extension);
  }

  /** A rule of the compiler that the kernel keeps without the compiler seeing it. */
  trust(rule: string): void {
    this.#unchecked.add(rule);
  }

  /** A declaration at module level. */
  declare(text: string): void {
    if (!this.#shared.includes(text)) this.#shared.push(text);
  }

  /** Lets the body see `subgroupLane` and `subgroupSize`. */
  subgroups(): void {
    this.enable("subgroups");
    this.#usesSubgroups = true;
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** A name for an expression, computed once in its block. */
  let(expression: string): string {
    if (/^(\w+|\w+\[\d+\]\.[xyzw]|\d+\.\d)$/.test(expression)) return expression;
    for (const scope of this.#scopes) {
      const known = scope.get(expression);
      if (known !== undefined) return known;
    }
    const name = `v${this.#next++}`;
    this.line(`let ${name} = ${expression};`);
    this.#scopes.at(-1)!.set(expression, name);
    return name;
  }

  /** A variable. */
  variable(type: string, initial: string): string {
    const name = `v${this.#next++}`;
    this.line(`var ${name}: ${type} = ${initial};`);
    return name;
  }

  /** A block with a head such as `if (…)`; what is named inside is known inside only. */
  block(head: string, body: () => void): void {
    this.line(`${head} {`);
    this.#scopes.push(new Map());
    body();
    this.#scopes.pop();
    this.line("}");
  }

  /** The innermost block in which names hold, for caches of the caller. */
  get scope(): object {
    return this.#scopes.at(-1)!;
  }

  get scopes(): ReadonlyArray<object> {
    return this.#scopes;
  }

  /**
   * The kernel. The body sees `group` (flat number of the workgroup), `lane` (0 to lanes − 1) and `thread`.
   * `merged` maps a value that is read to the one that is written in its place.
   */
  finish(
    label: string,
    lanes: number,
    groups: number,
    merged: ReadonlyMap<ValueId, ValueId> = new Map(),
  ): Kernel {
    let body = this.#lines.join("\n");
    const bound: Array<Buffer> = [];
    for (const buffer of this.#buffers) {
      const target = merged.get(buffer.value);
      if (target === undefined) bound.push(buffer);
      else {
        const into = this.#buffers.find((one) => one.value === target)!;
        into.access = "modify";
        body = body.replaceAll(new RegExp(`\\b${buffer.name}\\[`, "g"), `${into.name}[`);
      }
    }
    const count = Math.max(1, Math.ceil(this.#numbers.length / 4));
    const uses = (element: Element): boolean => bound.some((one) => one.element.includes(element));
    if (uses("f16")) this.enable("f16");
    const wgsl = [
      ...[...this.#unchecked].map((rule) => `diagnostic(off, ${rule});`),
      ...[...this.#extensions].map((extension) => `enable ${extension};`),
      `@group(0) @binding(0) var<uniform> numbers: array<vec4<u32>, ${count}>;`,
      ...bound.map(
        ({ name, element, access }, index) =>
          `@group(0) @binding(${index + 1}) var<storage, ${access === "read" ? "read" : "read_write"}> ${name}: array<${element}>;`,
      ),
      ...this.#shared,
      ...this.#functions.values(),
      `@compute @workgroup_size(${lanes})`,
      "fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32" +
        (this.#usesSubgroups
          ? ", @builtin(subgroup_invocation_id) subgroupLane: u32, @builtin(subgroup_size) subgroupSize: u32) {"
          : ") {"),
      "let group = workgroup.x + workgroup.y * workgroups.x;",
      `let thread = group * ${lanes}u + lane;`,
      body,
      "}",
      "",
    ].join("\n");
    const numbers = new Uint32Array(count * 4);
    numbers.set(this.#numbers);
    return {
      label,
      wgsl,
      bindings: bound.map(({ value, access }): Binding => ({ value, access })),
      numbers,
      workgroups: foldGroups(groups),
    };
  }
}
