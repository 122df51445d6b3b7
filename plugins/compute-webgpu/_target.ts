/** What tests of schedules write kernels for. */
import type { ProductSettings } from "./product_plan.ts";
import type { Target } from "./writer.ts";

/** Products as they are without options. */
export const settings: ProductSettings = {
  half: false,
  kernel: "auto",
  matrix: undefined,
  tuned: () => undefined,
};

/** A GPU as large ones are. */
export const gpu: Target = {
  software: false,
  knownSizes: true,
  f16: true,
  subgroups: true,
  rows: "auto",
  losses: "fused",
  attention: "auto",
  subgroup: 32,
  maxLanes: 1024,
  maxShared: 49_152,
  maxBuffers: 16,
  maxBinding: 2 ** 31,
  maxBuffer: 2 ** 31,
  bindingAlignment: 256,
  products: settings,
};
