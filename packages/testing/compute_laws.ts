/** What every compute backend promises: the numbers of the interpreter, and handles that mean what they say. */
import type { Compute } from "@resd/core";
import { arrayLaws } from "./compute/array_laws.ts";
import { agreement, battery, graphLaws } from "./compute/graph_laws.ts";
import { halfProductCases, productCases, scaledProductCases } from "./compute/product_cases.ts";
import { sizeCases } from "./compute/size_cases.ts";
import type { BatteryCase } from "./compute/battery.ts";
import type { Law } from "./law.ts";

/** How exact the backend claims to be. */
export interface ComputeLawSettings {
  /** Largest error, relative to the largest magnitude of an output (at least 1). 1e-5 suits f32. */
  readonly tolerance?: number;
}

/**
 * The laws of the compute seam: a battery of graphs (every operation with its gradient, scatters with crowded ids,
 * attention, optimizer steps, cache writes, sampling, a decoder's forward and backward pass) against `interpret`, and the
 * life of arrays (copies, release, donation, constants, concurrent runs).
 *
 * They share one backend, given as a service: `registerLaws(computeLaws(), { layer })`.
 */
export const computeLaws = (settings: ComputeLawSettings = {}): ReadonlyArray<Law<Compute>> => {
  const tolerance = settings.tolerance ?? 1e-5;
  return [...graphLaws(tolerance), ...arrayLaws(tolerance)];
};

/**
 * Laws of sizes: no rows at all, one, 65, and more than a GPU dispatches along one axis. For backends whose kernels know
 * about sizes; slower than the others by their size.
 */
export const computeSizeLaws = (settings: ComputeLawSettings = {}): ReadonlyArray<Law<Compute>> =>
  sizeCases().map((one) => agreement(one, settings.tolerance ?? 1e-5));

/**
 * Laws of products: every layout, sizes at which tiles, vectors and parts end, batches that broadcast, what follows a product,
 * operands of extreme sizes; with `half`, operands that are f16. For backends that have several kernels of products: each is
 * to keep all of them.
 */
export const computeProductLaws = (
  settings: ComputeLawSettings & { readonly half?: boolean } = {},
): ReadonlyArray<Law<Compute>> => {
  const { tolerance = 1e-5, half = false } = settings;
  return [
    ...[...productCases(), ...scaledProductCases()].map((one) => agreement(one, tolerance)),
    // What is stored as f16 is rounded to eleven bits.
    ...(half ? halfProductCases().map((one) => agreement(one, Math.max(tolerance, 1e-3))) : []),
  ];
};

export type { BatteryCase } from "./compute/battery.ts";

/** All graphs of the laws with their inputs, for programs that measure how exact a backend is. */
export const computeBattery = (): ReadonlyArray<BatteryCase> => [
  ...battery(),
  ...sizeCases(),
  ...productCases(),
  ...scaledProductCases(),
];
