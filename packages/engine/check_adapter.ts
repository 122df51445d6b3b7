/** Looks at an adapter and its model as a policy would, without a backend. */
import type { PolicyError } from "@resd/core";
import { adapterSpecs, frozenSpecs } from "@resd/models";
import { sizeOf } from "@resd/tensor";
import { Effect, type FileSystem, type Scope } from "effect";
import { demandBase, type ModelAsked, openModel } from "./model_source.ts";
import { weightsHash } from "./version.ts";

/** An adapter that fits its model. */
export interface AdapterFacts {
  readonly rank: number;
  /** Linear maps that it is beside. */
  readonly maps: number;
  /** Numbers that training moves. */
  readonly numbers: number;
  /** Whether it says which weights it was trained on; those of the model are the same. */
  readonly knowsBase: boolean;
}

/**
 * The adapter of a model, new or from a folder, with all of its matrices read; undefined where all parameters are trained.
 * Fails with what a policy of the same would be refused for: files that are missing or do not belong together, another
 * rank than is asked for, other weights below.
 */
export const checkAdapter = Effect.fnUntraced(function* (
  asked: ModelAsked,
): Effect.fn.Return<AdapterFacts | undefined, PolicyError, FileSystem.FileSystem | Scope.Scope> {
  const { config, frozen, trained, baseDigest } = yield* openModel(asked);
  if (config.lora === undefined) return undefined;
  const specs = adapterSpecs(config);
  for (const { name } of specs) yield* trained(name);
  if (baseDigest !== undefined) {
    const hash = weightsHash();
    for (const name of frozenSpecs(config)
      .map((spec) => spec.name)
      .toSorted()) {
      hash.add(name, yield* frozen(name));
    }
    yield* demandBase(baseDigest, hash.digest(), asked.folder, asked.adapter ?? asked.folder);
  }
  return {
    rank: config.lora.r,
    maps: config.lora.maps.length,
    numbers: specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    knowsBase: baseDigest !== undefined,
  };
}, Effect.scoped);
