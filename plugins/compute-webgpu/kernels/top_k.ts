/** The greatest elements of rows, in order. */
import { attributesOf, type Node, sizeOf, type Tensor } from "@resd/tensor";
import { stored, typeOf } from "../expression.ts";
import type { Kernel } from "../schedule.ts";
import { rowLanes, rowThreads } from "../select.ts";
import { outputOf, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { shown } from "./elementwise.ts";

/** Most elements that one thread keeps in order beside it. */
const MOST_KEPT = 128;

/** Elements for which passing over the row once for each is as good as finding out which is the last of them. */
const FEW = 4;

/** Most elements that a workgroup ranks. */
const MOST_RANKED = 1024;

/** A kernel and what it sees of one row, whose number is `row`. */
class TopKKernel {
  readonly writer: Writer;
  readonly lanes: number;
  readonly type: string;
  readonly row: string;
  readonly width: string;
  readonly k: number;
  readonly #rows: number;
  readonly #from: string;
  readonly #values: string;
  readonly #indices: string;
  readonly #node: Node;
  readonly #threads: number;

  constructor(site: Site) {
    const { root } = site.group;
    const [x] = root.inputs as [Tensor];
    const width = x.shape.at(-1)!;
    const writer = new Writer(site.target);
    this.writer = writer;
    this.#node = root;
    this.k = attributesOf(root, "topK").k;
    this.#rows = sizeOf(x.shape.slice(0, -1));
    this.lanes = rowLanes(site.target, this.#rows, width);
    this.#threads = rowThreads(site.target, this.#rows);
    this.type = typeOf(x.dtype);
    this.row = this.lanes === 1 ? "thread" : "group";
    this.width = writer.u(width);
    this.#from = writer.buffer(site.value(x), x.dtype);
    this.#values = writer.buffer(site.value(outputOf(root, 0)), x.dtype, "modify");
    this.#indices = writer.buffer(site.value(outputOf(root, 1)), "i32", "modify");
  }

  /** The element of a column. */
  element(column: string): string {
    return `${this.type}(${this.#from}[start + ${column}])`;
  }

  /** Every column of this thread's share of the row. */
  each(body: () => void): void {
    const from = this.lanes === 1 ? "0u" : "lane";
    this.writer.block(`for (var c = ${from}; c < ${this.width}; c += ${this.lanes}u)`, body);
  }

  /** Every number below k, shared among lanes. */
  eachOfK(name: string, body: () => void): void {
    const from = this.lanes === 1 ? "0u" : "lane";
    this.writer.block(
      `for (var ${name} = ${from}; ${name} < ${this.writer.u(this.k)}; ${name} += ${this.lanes}u)`,
      body,
    );
  }

  /** Writes the n-th result. */
  result(n: string, value: string, column: string): string {
    const at = `${this.row} * ${this.writer.u(this.k)} + ${n}`;
    const { dtype } = this.#node.outputs[0]!;
    return `${this.#values}[${at}] = ${stored(value, dtype)}; ${this.#indices}[${at}] = i32(${column});`;
  }

  finish(how: string, body: () => void): Kernel {
    const { writer } = this;
    const [x] = this.#node.inputs as [Tensor];
    const label = `topK ${this.k} of ${shown(x.shape)} ${how}`;
    const all = (): void => {
      writer.line(`let start = ${this.row} * ${this.width};`);
      body();
    };
    if (this.lanes === 1) {
      writer.block(`if (thread < ${writer.u(this.#rows)})`, all);
      return writer.finish(label, this.#threads, Math.ceil(this.#rows / this.#threads));
    }
    writer.line(`if (group >= ${writer.u(this.#rows)}) { return; }`);
    all();
    return writer.finish(label, this.lanes, this.#rows);
  }
}

/** One pass in which a thread keeps the k greatest so far in order; few elements of a long row are among them when they are met. */
const byInsertion = (kernel: TopKKernel): Kernel => {
  const { writer, type, k } = kernel;
  return kernel.finish("kept", () => {
    writer.line(`var bests: array<${type}, ${k}>;`);
    writer.line(`var places: array<u32, ${k}>;`);
    writer.line("var count = 0u;");
    kernel.each(() => {
      writer.line(`let value = ${kernel.element("c")};`);
      // An equal one that was met before has the lower index, and stays in front.
      writer.block(`if (count < ${k}u || value > bests[${k - 1}])`, () => {
        writer.line(`var n = min(count, ${k - 1}u);`);
        writer.block("while (n > 0u && value > bests[n - 1u])", () =>
          writer.line("bests[n] = bests[n - 1u]; places[n] = places[n - 1u]; n -= 1u;"),
        );
        writer.line("bests[n] = value; places[n] = c; count += 1u;");
      });
    });
    kernel.eachOfK("m", () => writer.line(kernel.result("m", "bests[m]", "places[m]")));
  });
};

/** An unsigned number that is greater for a greater element; both zeros have the same. */
const KEY = `fn key_(value: f32) -> u32 {
  let word = bitcast<u32>(select(value, 0.0, value == 0.0));
  return select(word | 0x80000000u, ~word, (word >> 31u) == 1u);
}`;

/**
 * Finds the least of the k greatest by its bits, eight at a time: lanes count how often each value of these bits occurs among
 * elements that agree in those before. What is greater is collected, of its equals those of lowest index, and all take their place by
 * counting how many are better. Counts are whole numbers, so equal inputs give equal results, whichever lane came first.
 */
const byBits = (kernel: TopKKernel): Kernel => {
  const { writer, lanes, k } = kernel;
  const key = (column: string): string =>
    `${writer.helper("key_", KEY)}(${kernel.element(column)})`;
  return kernel.finish(`${lanes} lanes by bits`, () => {
    writer.declare("var<workgroup> counts: array<atomic<u32>, 256>;");
    writer.declare("var<workgroup> prefix: u32;");
    writer.declare("var<workgroup> wanted: u32;");
    writer.declare("var<workgroup> found: atomic<u32>;");
    writer.declare("var<workgroup> nearest: atomic<u32>;");
    writer.declare(`var<workgroup> keys: array<u32, ${k}>;`);
    writer.declare(`var<workgroup> places: array<u32, ${k}>;`);
    writer.line(`if (lane == 0u) { wanted = ${writer.u(k)}; }`);
    writer.block("for (var shift = 32u; shift > 0u; shift -= 8u)", () => {
      writer.line(`for (var n = lane; n < 256u; n += ${lanes}u) { atomicStore(&counts[n], 0u); }`);
      writer.line("let known = workgroupUniformLoad(&prefix);");
      kernel.each(() => {
        writer.line(`let key = ${key("c")};`);
        // A shift by all 32 bits is none at all, so the first round asks nothing.
        writer.block(
          "if (shift == 32u || (key >> (shift % 32u)) == (known >> (shift % 32u)))",
          () => writer.line("atomicAdd(&counts[(key >> (shift - 8u)) & 255u], 1u);"),
        );
      });
      writer.line("workgroupBarrier();");
      writer.block("if (lane == 0u)", () => {
        writer.line("var digit = 255u;");
        writer.line("var left = wanted;");
        writer.block("while (digit > 0u && atomicLoad(&counts[digit]) < left)", () =>
          writer.line("left -= atomicLoad(&counts[digit]); digit -= 1u;"),
        );
        writer.line("wanted = left; prefix |= digit << (shift - 8u);");
      });
      writer.line("workgroupBarrier();");
    });
    writer.line("let least = workgroupUniformLoad(&prefix);");
    writer.line("let equals = workgroupUniformLoad(&wanted);");
    kernel.each(() => {
      writer.line(`let key = ${key("c")};`);
      writer.block("if (key > least)", () => {
        writer.line("let at = atomicAdd(&found, 1u);");
        writer.line("keys[at] = key; places[at] = c;");
      });
    });
    writer.line("var after = 0u;");
    writer.block("for (var n = 0u; n < equals; n++)", () => {
      writer.line(`if (lane == 0u) { atomicStore(&nearest, ${kernel.width}); }`);
      writer.line("workgroupBarrier();");
      writer.line(`var c = after + (lane + ${lanes}u - after % ${lanes}u) % ${lanes}u;`);
      writer.line(`while (c < ${kernel.width} && ${key("c")} != least) { c += ${lanes}u; }`);
      writer.line("atomicMin(&nearest, c);");
      writer.line("workgroupBarrier();");
      writer.line("let place = atomicLoad(&nearest);");
      writer.block("if (lane == 0u)", () => {
        writer.line(`let at = ${writer.u(k)} - equals + n;`);
        writer.line("keys[at] = least; places[at] = place;");
      });
      writer.line("after = place + 1u;");
      writer.line("workgroupBarrier();");
    });
    kernel.eachOfK("m", () => {
      writer.line("var rank = 0u;");
      writer.block(`for (var n = 0u; n < ${writer.u(k)}; n++)`, () =>
        writer.line(
          "if (keys[n] > keys[m] || (keys[n] == keys[m] && places[n] < places[m])) { rank += 1u; }",
        ),
      );
      writer.line(kernel.result("rank", kernel.element("places[m]"), "places[m]"));
    });
  });
};

/**
 * Finds one element after another: the greatest of those that come after the last one found, by value and, among equals, by
 * index. Needs no memory beside its results.
 */
const oneByOne = (kernel: TopKKernel): Kernel => {
  const { writer, lanes, type, width } = kernel;
  // An index of `width` means none yet.
  const better = (value: string, index: string): string =>
    `(${index} < ${width} && (found >= ${width} || ${value} > best || (${value} == best && ${index} < found)))`;
  return kernel.finish(lanes === 1 ? "one by one" : `${lanes} lanes one by one`, () => {
    writer.line(`var last: ${type};`);
    writer.line(`var lastIndex = ${width};`);
    writer.block(`for (var n = 0u; n < ${writer.u(kernel.k)}; n++)`, () => {
      writer.line(`var best: ${type};`);
      writer.line(`var found = ${width};`);
      kernel.each(() => {
        writer.line(`let value = ${kernel.element("c")};`);
        writer.line("let open = n == 0u || value < last || (value == last && c > lastIndex);");
        writer.line(`if (open && ${better("value", "c")}) { best = value; found = c; }`);
      });
      if (lanes > 1) {
        writer.declare(`var<workgroup> bests: array<${type}, ${lanes}>;`);
        writer.declare(`var<workgroup> places: array<u32, ${lanes}>;`);
        writer.line("bests[lane] = best; places[lane] = found;");
        writer.line("workgroupBarrier();");
        writer.block(`for (var half = ${lanes / 2}u; half > 0u; half = half / 2u)`, () => {
          writer.block("if (lane < half)", () => {
            writer.line("let value = bests[lane + half]; let c = places[lane + half];");
            writer.line("best = bests[lane]; found = places[lane];");
            writer.line(`if (${better("value", "c")}) { bests[lane] = value; places[lane] = c; }`);
          });
          writer.line("workgroupBarrier();");
        });
        writer.line("best = bests[0]; found = places[0];");
        writer.line("workgroupBarrier();");
      }
      writer.line("last = best; lastIndex = found;");
      const store = kernel.result("n", "best", "found");
      writer.line(lanes === 1 ? store : `if (lane == 0u) { ${store} }`);
    });
  });
};

/** Ties come out in order of their index. */
export const topK = (site: Site): ReadonlyArray<Kernel> => {
  const { inputs } = site.group.root;
  if (sizeOf(inputs[0]!.shape) === 0) return [];
  const kernel = new TopKKernel(site);
  const { lanes, k, type } = kernel;
  if (lanes === 1 && k <= MOST_KEPT) return [byInsertion(kernel)];
  if (lanes > 1 && k > FEW && k <= MOST_RANKED && type === "f32") return [byBits(kernel)];
  return [oneByOne(kernel)];
};
