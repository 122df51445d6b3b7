/** A comparison as data: variants, seeds, and what they are measured by. */
import { Effect, Schema } from "effect";

const Count = Schema.Int.check(Schema.isGreaterThan(0));
const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }));
const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }));

/** Configuration values, nested as in a configuration file or under dotted keys: `{ "resd.lr": 1e-3 }`. */
const Values = Schema.Record(Schema.String, Schema.Unknown);

/** Settings are tried on seeds from here on, so that no result is tuned on its own seed. */
export const FIRST_TUNING_SEED = 100;

/** One line of the comparison: a run, as far as it differs from the others. */
export const VariantSpec = Schema.Struct({
  /** As tables and figures name it. */
  name: Schema.NonEmptyString,
  /** Another variant of the file, or of the one that it extends: its values, its code and its tuned setting hold. */
  like: Schema.optionalKey(Schema.NonEmptyString),
  /** Whose values hold where nothing else is said. */
  preset: Schema.optionalKey(Schema.NonEmptyString),
  /** A method by name, as `--variant` takes it. */
  variant: Schema.optionalKey(Schema.NonEmptyString),
  /** A configuration file, from the folder of this one: values, and in TypeScript layers too. */
  file: Schema.optionalKey(Schema.NonEmptyString),
  config: Values.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  /**
   * Its cells come after those of a variant above it, seed by seed, and get the folder of that run as the value at a dotted
   * path: `{ "variant": "resd", "folderAs": "playbook.options.run" }`.
   */
  after: Schema.optionalKey(
    Schema.Struct({ variant: Schema.NonEmptyString, folderAs: Schema.NonEmptyString }),
  ),
  /** Settings to choose from; the cells of the comparison use the chosen one. */
  sweep: Schema.optionalKey(Schema.NonEmptyArray(Values)),
});
export type VariantSpec = typeof VariantSpec.Type;

/** Which success of a run is meant: at its end, the best of all evaluations, or at a point between two of them. */
export const Measure = Schema.Union([
  Schema.Literals(["final", "best"]),
  Schema.Struct({ interactions: Count }),
  Schema.Struct({ updates: Count }),
]);
export type Measure = typeof Measure.Type;

const Pair = Schema.Tuple([Schema.NonEmptyString, Schema.NonEmptyString]);
const measured = Measure.pipe(Schema.withDecodingDefaultKey(Effect.succeed("final" as const)));

const claimed = {
  /** The sentence that is tested. */
  text: Schema.NonEmptyString,
  /** Who says it. */
  source: Schema.optionalKey(Schema.NonEmptyString),
};

/** The first variant succeeds more often than the second. */
const Above = Schema.Struct({ ...claimed, above: Pair, measure: measured });
/** The first variant succeeds less often than the second. */
const Degrades = Schema.Struct({ ...claimed, degrades: Pair, measure: measured });
/** The first variant succeeds more often than the second, and about as often as the third: not worse by `margin` or more. */
const Recovers = Schema.Struct({
  ...claimed,
  recovers: Schema.Tuple([Schema.NonEmptyString, Schema.NonEmptyString, Schema.NonEmptyString]),
  measure: measured,
  margin: Share.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0.05))),
});
/** The first variant reaches a success with so many times fewer interactions or updates than the second. */
const Faster = Schema.Struct({
  ...claimed,
  faster: Pair,
  to: Share,
  in: Schema.Literals(["interactions", "updates"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("interactions" as const)),
  ),
  times: Schema.Finite.check(Schema.isGreaterThan(0)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(1)),
  ),
});

/** A sentence about variants that the cells decide, or leave undecided. */
export const Claim = Schema.Union([Above, Degrades, Recovers, Faster]);
export type Claim = typeof Claim.Type;

/** How settings are tried. */
export const Tuning = Schema.Struct({
  seeds: Schema.NonEmptyArray(Seed.check(Schema.isGreaterThanOrEqualTo(FIRST_TUNING_SEED))),
  /** The setting with the fewest interactions to this success is chosen. */
  threshold: Share.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0.5))),
  /** Values of tuning cells alone, such as a rule that ends them once the threshold is crossed for good. */
  config: Values.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
});
export type Tuning = typeof Tuning.Type;

/** The file of a comparison. */
export const MatrixFile = Schema.Struct({
  /** Another matrix file: its values hold where this one says nothing, and its variants can be named. */
  extends: Schema.optionalKey(Schema.NonEmptyString),
  title: Schema.optionalKey(Schema.NonEmptyString),
  seeds: Schema.optionalKey(Schema.NonEmptyArray(Seed)),
  /** Successes that crossings are reported for. */
  thresholds: Schema.optionalKey(Schema.NonEmptyArray(Share)),
  /** Threads of every cell's compute backend. */
  threads: Schema.optionalKey(Count),
  tuning: Schema.optionalKey(Tuning),
  /** Values of every cell: the protocol. */
  config: Values.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  /** Variants, or names of variants in the file that this one extends. */
  variants: Schema.NonEmptyArray(Schema.Union([Schema.NonEmptyString, VariantSpec])),
  /** Claims about the variants; those of the extended file are not taken over. */
  claims: Schema.Array(Claim).pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
});
export type MatrixFile = typeof MatrixFile.Type;

/** A comparison as TypeScript: the default export of a matrix file. */
export const defineMatrix = (matrix: typeof MatrixFile.Encoded): typeof MatrixFile.Encoded =>
  matrix;

/** A matrix that cannot be run; the message has a line for each fault. */
export class MatrixError extends Schema.TaggedError<MatrixError>()("MatrixError", {
  message: Schema.String,
}) {}
