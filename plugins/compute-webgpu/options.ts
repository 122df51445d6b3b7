/** Options of the WebGPU backend. */
import { Effect, Schema } from "effect";
import { PRODUCT_KERNELS } from "./product_plan.ts";

export const Options = Schema.Struct({
  /** Which adapter: an index of `resd doctor`'s list, or a part of its name; the empty string takes the first. */
  adapter: Schema.Union([Schema.String, Schema.Int]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("")),
  ),
  /** What is printed to standard error of each graph that is compiled: nothing, its kernels a line each, or their WGSL. */
  print: Schema.Literals(["nothing", "kernels", "wgsl"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("nothing" as const)),
  ),
  /**
   * Most bytes that a kernel sees of one tensor; what the adapter allows when absent. Larger tensors are worked on in
   * pieces, some rows at a time.
   */
  maxBinding: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(256))),
  /**
   * What kind of adapter kernels are chosen for: GPUs share work through a workgroup's memory, processors run a workgroup's
   * threads one after another. `auto`: what the adapter is. Tests choose, so that kernels for GPUs are tested without one.
   */
  kernels: Schema.Literals(["auto", "gpu", "processor"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("auto" as const)),
  ),
  /**
   * Whether sizes are written into the kernels. Numbers known to the compiler make divisions cheap; numbers read from a
   * uniform let all shapes share one pipeline. `auto`: known to kernels for GPUs, read by those for processors, where each pipeline
   * is compiled for the processor at a cost of many runs.
   */
  sizes: Schema.Literals(["auto", "known", "read"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("auto" as const)),
  ),
  /**
   * How the elements of a row become one number, in sums, softmax and norms: by one thread (`serial`), by lanes that meet at
   * barriers (`lanes`), or by subgroups where the adapter has them (`subgroups`). `auto`: what suits the adapter.
   */
  rows: Schema.Literals(["auto", "serial", "lanes", "subgroups"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("auto" as const)),
  ),
  /**
   * How what works on each row by itself is computed, from logits to losses and their gradients: by one kernel that passes over a
   * row a few times (`fused`), or by one for each reduction, with everything between them stored (`apart`).
   */
  losses: Schema.Literals(["fused", "apart"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("fused" as const)),
  ),
  /**
   * How attention and its gradient are computed: as products and a softmax that are stored (`apart`), by threads that keep a few
   * rows each (`rows`), or by workgroups that keep tiles (`tiles`). `auto`: what suits the adapter. Heads that a variant cannot
   * keep are computed apart.
   */
  attention: Schema.Literals(["auto", "apart", "rows", "tiles"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("auto" as const)),
  ),
  /**
   * f16: products with shared memory round their operands to f16, scaled by powers of two so that nothing is lost at either
   * end, and add up in f32; where subgroups multiply matrices in hardware, they do. Needs `shader-f16`.
   */
  products: Schema.Literals(["f32", "f16"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("f32" as const)),
  ),
  /** The kernel of products, wherever it can compute them: for tests and measurements. `auto` chooses for each. */
  productKernel: Schema.Literals(["auto", ...PRODUCT_KERNELS]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("auto" as const)),
  ),
  /**
   * Whether the kernels of products are measured on the device, the first time that a class of sizes is met, and the fastest
   * is kept in a file of the user's cache. `auto`: on GPUs, where the productKernel is `auto`. `off` gives choices that follow
   * from sizes and kind of adapter alone.
   */
  tune: Schema.Literals(["auto", "on", "off"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("auto" as const)),
  ),
});
