/** Reads matrix files, follows what they extend, and puts their variants together. */
import { type ConfigPart, type RunHost, type Values, nearestAdvice } from "@resd/run";
import { Effect, type FileSystem, Path } from "effect";
import type { Claim, MatrixError, Tuning, VariantSpec } from "./matrix.ts";
import {
  type Family,
  inherited,
  namesOf,
  nested,
  protocolOf,
  readFamily,
  refuse,
  specsOf,
} from "./matrix_family.ts";

/** Settings of a variant, of which one is chosen on tuning seeds. */
export interface Sweep {
  /** The variant that it was written for. */
  readonly variant: string;
  /** What the settings are laid over. */
  readonly below: ReadonlyArray<ConfigPart>;
  /** The configuration file with the layers of the variant. */
  readonly file?: string;
  readonly settings: ReadonlyArray<Values>;
}

/** A variant whose values have all been found. */
export interface MatrixVariant {
  readonly name: string;
  /** From the ground up; a sweep stands for the setting that is chosen of it. */
  readonly parts: ReadonlyArray<ConfigPart | Sweep>;
  readonly file?: string;
  /** The variant whose run folders it needs, and where its configuration takes them. */
  readonly after?: NonNullable<VariantSpec["after"]>;
}

/** A comparison that can be run. */
export interface Matrix {
  /** Name of the file. */
  readonly name: string;
  readonly title: string;
  readonly file: string;
  readonly seeds: ReadonlyArray<number>;
  readonly thresholds: ReadonlyArray<number>;
  readonly threads: number;
  readonly tuning?: Tuning;
  readonly variants: ReadonlyArray<MatrixVariant>;
  readonly claims: ReadonlyArray<Claim>;
}

/** Whether a part of a variant is a sweep. */
export const isSweep = (part: ConfigPart | Sweep): part is Sweep => "settings" in part;

const DEFAULT_THRESHOLDS = [0.3, 0.5];

/** The variant of a name: of the file itself, unless it is one of those that ask, or of a file that it extends. */
const variantNamed = (
  family: Family | undefined,
  name: string,
  asking: ReadonlyArray<VariantSpec>,
): Effect.Effect<MatrixVariant | undefined, MatrixError, Path.Path> =>
  Effect.suspend(() => {
    if (family === undefined) return Effect.succeed(undefined);
    const spec = specsOf(family).find((one) => one.name === name && !asking.includes(one));
    return spec === undefined
      ? variantNamed(family.parent, name, asking)
      : variantOf(family, spec, asking);
  });

const variantOf = Effect.fnUntraced(function* (
  family: Family,
  spec: VariantSpec,
  asking: ReadonlyArray<VariantSpec>,
): Effect.fn.Return<MatrixVariant, MatrixError, Path.Path> {
  const path = yield* Path.Path;
  const { name, like } = spec;
  const base =
    like === undefined ? undefined : yield* variantNamed(family, like, [...asking, spec]);
  if (like !== undefined && base === undefined) {
    const others = namesOf(family).filter((other) => other !== name);
    return yield* refuse(
      `Expected the name of another variant, got ${like}, at like of ${name} (${family.file}); ${nearestAdvice(like, others)}`,
    );
  }
  const file = spec.file === undefined ? base?.file : path.resolve(family.folder, spec.file);
  const own: ConfigPart = {
    source: `matrix variant ${name} (${family.file})`,
    values: {
      ...(spec.preset === undefined ? {} : { preset: spec.preset }),
      ...(spec.variant === undefined ? {} : { variant: spec.variant }),
      ...nested(spec.config),
    },
  };
  const below = [...(base?.parts ?? []), own];
  const withFile = file === undefined ? {} : { file };
  const after = spec.after ?? base?.after;
  const withAfter = after === undefined ? {} : { after };
  if (spec.sweep === undefined) return { name, parts: below, ...withFile, ...withAfter };
  const fixed = below.flatMap((part) => (isSweep(part) ? [] : [part]));
  const sweep: Sweep = {
    variant: name,
    below: fixed,
    settings: spec.sweep.map(nested),
    ...withFile,
  };
  return { name, parts: [...fixed, sweep], ...withFile, ...withAfter };
});

/** A variant as the list of a file gives it: written out, or by its name in a file that is extended. */
const listedVariant = Effect.fnUntraced(function* (family: Family, given: string | VariantSpec) {
  if (typeof given !== "string") return yield* variantOf(family, given, []);
  const found = yield* variantNamed(family.parent, given, []);
  if (found !== undefined) return found;
  const { file, parent } = family;
  return yield* refuse(
    parent === undefined
      ? `Expected an object for each variant where no file is extended, got ${given}, at variants (${file}); write { "name": "${given}" }`
      : `Expected the name of a variant of ${parent.file}, got ${given}, at variants (${file}); ${nearestAdvice(given, namesOf(parent))}`,
  );
});

const twice = (names: ReadonlyArray<string>): string | undefined =>
  names.find((name, i) => names.indexOf(name) !== i);

/** Everything that the parts of a matrix say against each other. */
const contradictions = (
  family: Family,
  matrix: Pick<Matrix, "seeds" | "variants" | "tuning">,
): ReadonlyArray<string> => {
  const faults: Array<string> = [];
  const names = matrix.variants.map(({ name }) => name);
  const again = twice(names);
  if (again !== undefined) {
    faults.push(
      `Expected a name of its own for each variant, got ${again} twice, at ${family.file}; rename one`,
    );
  }
  for (const seed of matrix.tuning?.seeds ?? []) {
    if (matrix.seeds.includes(seed)) {
      faults.push(
        `Expected tuning seeds apart from the seeds of the comparison, got ${seed} in both, at ${family.file}; tune on others`,
      );
    }
  }
  for (const [i, { name, after, parts }] of matrix.variants.entries()) {
    if (after === undefined) continue;
    const above = names.slice(0, i);
    if (!above.includes(after.variant)) {
      faults.push(
        `Expected the name of a variant above it, got ${after.variant}, at after of ${name} (${family.file}); ${above.length === 0 ? "list that variant first" : nearestAdvice(after.variant, above)}`,
      );
    }
    if (parts.some((part) => isSweep(part) && part.variant === name)) {
      faults.push(
        `Expected a sweep or after, got both, at ${name} (${family.file}); tune another variant and take it by like`,
      );
    }
  }
  const swept = matrix.variants.some(({ parts }) => parts.some(isSweep));
  if (swept && matrix.tuning === undefined) {
    faults.push(
      `Expected tuning seeds for the sweeps, got none, at ${family.file}; add "tuning": { "seeds": [100, 101, 102] }`,
    );
  }
  for (const claim of family.text.claims) {
    const named =
      "above" in claim
        ? claim.above
        : "degrades" in claim
          ? claim.degrades
          : "recovers" in claim
            ? claim.recovers
            : claim.faster;
    for (const name of named) {
      if (names.includes(name)) continue;
      faults.push(
        `Expected the name of a variant, got ${name}, in the claim "${claim.text}" (${family.file}); ${nearestAdvice(name, names)}`,
      );
    }
  }
  return faults;
};

/**
 * Reads a matrix: JSON, or TypeScript whose default export is one. Every fault of a file comes in one MatrixError, with
 * the nearest known name where a name is unknown.
 */
export const readMatrix = Effect.fn("readMatrix")(function* (
  file: string,
): Effect.fn.Return<Matrix, MatrixError, FileSystem.FileSystem | Path.Path | RunHost> {
  const path = yield* Path.Path;
  const family = yield* readFamily(file, []);
  const { text } = family;
  const variants = yield* Effect.forEach(text.variants, (given) => listedVariant(family, given));
  const threads = inherited(family, "threads") ?? 1;
  const protocol: ReadonlyArray<ConfigPart> = [
    // What is said of a backend's threads holds for that backend alone.
    {
      source: "defaults",
      values: { compute: { use: "onnx", options: { threads } }, trackers: [] },
    },
    ...protocolOf(family),
  ];
  const onProtocol = (part: ConfigPart | Sweep): ConfigPart | Sweep =>
    isSweep(part) ? { ...part, below: [...protocol, ...part.below] } : part;
  const tuning = inherited(family, "tuning");
  const name = path.basename(file).replace(/\.[^.]+$/, "");
  const matrix: Matrix = {
    name,
    title: text.title ?? name,
    file,
    seeds: inherited(family, "seeds") ?? [],
    thresholds: inherited(family, "thresholds") ?? DEFAULT_THRESHOLDS,
    threads,
    ...(tuning === undefined ? {} : { tuning: { ...tuning, config: nested(tuning.config) } }),
    variants: variants.map((variant) => ({
      ...variant,
      parts: [...protocol, ...variant.parts.map(onProtocol)],
    })),
    claims: text.claims,
  };
  if (matrix.seeds.length === 0) {
    return yield* refuse(`Expected seeds, got none, at ${file}; add "seeds": [1, 2, 3, 4, 5]`);
  }
  const faults = contradictions(family, matrix);
  if (faults.length > 0) return yield* refuse(faults.join("\n"));
  return matrix;
});
