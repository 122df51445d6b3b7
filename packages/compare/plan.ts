/** From a matrix to the cells that it asks for. */
import {
  type ConfigError,
  type ConfigPart,
  RunHost,
  type Values,
  modelFolder,
  readConfigFile,
  resolveConfig,
  withValueAt,
} from "@resd/run";
import { Effect, type FileSystem, type Path } from "effect";
import { type Cell, type CellRole, cellFolderName, cellKey, cellName } from "./cell.ts";
import { MatrixError, type Tuning } from "./matrix.ts";
import { type Matrix, type MatrixVariant, type Sweep, isSweep } from "./read_matrix.ts";

/** What planning asks of the application. */
export interface Planning {
  /** Lies below everything: what the application itself gives, such as where its model lies. */
  readonly below: ReadonlyArray<ConfigPart>;
  /** Folder of the cells. */
  readonly cells: string;
  /** A name for the files at a path, the same as long as they are. */
  readonly fingerprint: (path: string) => Effect.Effect<string, MatrixError>;
}

type Needs = FileSystem.FileSystem | Path.Path | RunHost;

/** Equal for sweeps that try the same settings of the same run. */
export const sweepKey = ({ below, file, settings }: Sweep): string =>
  JSON.stringify([below.map(({ values }) => values), file ?? "", settings]);

/** The sweeps of a matrix, each once. */
export const sweepsOf = ({ variants }: Matrix): ReadonlyArray<Sweep> => [
  ...new Map(
    variants
      .flatMap(({ parts }) => parts.filter(isSweep))
      .map((sweep) => [sweepKey(sweep), sweep] as const),
  ).values(),
];

/** The sweep that decides a setting of a variant, if there is one. */
export const sweepOf = ({ parts }: MatrixVariant): Sweep | undefined => parts.find(isSweep);

/** Resolves one run, in the way that the process that makes it will do again. */
const planCell = Effect.fnUntraced(function* (
  cell: {
    readonly variant: string;
    readonly seed: number;
    readonly role: CellRole;
    readonly parts: ReadonlyArray<ConfigPart>;
    readonly file: string | undefined;
  },
  { below, fingerprint }: Planning,
): Effect.fn.Return<Cell, MatrixError | ConfigError, Needs> {
  const { variant, seed, role, file } = cell;
  const { importModule } = yield* RunHost;
  const code = file === undefined ? undefined : yield* readConfigFile(file, importModule);
  const parts: ReadonlyArray<ConfigPart> = [
    ...below,
    ...(code?.parts ?? []),
    ...cell.parts,
    { source: "seeds of the matrix", values: { seed } },
  ];
  const resolved = yield* Effect.mapError(
    resolveConfig(parts),
    (error) => new MatrixError({ message: `${cellName(cell)}: ${error.message}` }),
  );
  const model = yield* Effect.mapError(
    modelFolder(resolved.config.model),
    (error) => new MatrixError({ message: `${cellName(cell)}: ${error.message}` }),
  );
  const prints = [yield* fingerprint(model)];
  for (const more of [resolved.config.loraAdapter, file]) {
    if (more !== undefined) prints.push(yield* fingerprint(more));
  }
  return {
    variant,
    seed,
    role,
    parts,
    ...(file === undefined ? {} : { file }),
    resolved,
    key: cellKey(resolved.config, prints),
  };
});

/** The cells of a sweep: every setting on every tuning seed. */
export const tuningCells = Effect.fn("compare.tuningCells")(function* (
  sweep: Sweep,
  { seeds, config }: Tuning,
  planning: Planning,
) {
  return yield* Effect.forEach(
    sweep.settings.flatMap((values, setting) => seeds.map((seed) => ({ values, setting, seed }))),
    ({ values, setting, seed }) =>
      planCell(
        {
          variant: sweep.variant,
          seed,
          role: { _tag: "Tuning", setting },
          parts: [
            ...sweep.below,
            { source: `setting ${setting + 1} of ${sweep.variant}`, values },
            { source: "tuning.config of the matrix", values: config },
          ],
          file: sweep.file,
        },
        planning,
      ),
  );
});

/**
 * The cell of a variant on a seed.
 *
 * @param setting what its sweep came to; of no account for a variant without one.
 * @param folder of the run that it comes after; of no account for a variant that comes after none.
 */
export const resultCell = Effect.fn("compare.resultCell")(function* (
  variant: MatrixVariant,
  seed: number,
  setting: Values | undefined,
  folder: string | undefined,
  planning: Planning,
) {
  const { name, after, file } = variant;
  const parts = variant.parts.flatMap((part): ReadonlyArray<ConfigPart> => {
    if (!isSweep(part)) return [part];
    return setting === undefined
      ? []
      : [{ source: `the setting chosen for ${part.variant}`, values: setting }];
  });
  const given =
    after === undefined || folder === undefined
      ? []
      : [
          {
            source: `the folder of ${after.variant}`,
            values: withValueAt({}, after.folderAs.split("."), folder),
          },
        ];
  return yield* planCell(
    { variant: name, seed, role: { _tag: "Result" }, parts: [...parts, ...given], file },
    planning,
  );
});

/** Every cell of a matrix, before anything has been run. */
export interface MatrixPlan {
  readonly sweeps: ReadonlyArray<{
    readonly sweep: Sweep;
    readonly cells: ReadonlyArray<Cell>;
  }>;
  /** By variant, in the order of seeds; those of a swept variant have its first setting until one is chosen. */
  readonly provisional: ReadonlyMap<string, ReadonlyArray<Cell>>;
  /** All of them. */
  readonly cells: ReadonlyArray<Cell>;
}

/** Resolves all runs of a matrix, so that faults are found before the first one starts. */
export const planMatrix = Effect.fn("compare.planMatrix")(function* (
  matrix: Matrix,
  planning: Planning,
): Effect.fn.Return<MatrixPlan, MatrixError | ConfigError, Needs> {
  const { variants, seeds, tuning } = matrix;
  const sweeps = yield* Effect.forEach(tuning === undefined ? [] : sweepsOf(matrix), (sweep) =>
    Effect.map(tuningCells(sweep, tuning!, planning), (cells) => ({ sweep, cells })),
  );
  const provisional = new Map<string, ReadonlyArray<Cell>>();
  for (const variant of variants) {
    const before = variant.after && provisional.get(variant.after.variant);
    const setting = sweepOf(variant)?.settings[0];
    const cells = yield* Effect.forEach(seeds, (seed, i) => {
      const folder = before?.[i] && `${planning.cells}/${cellFolderName(before[i])}`;
      return resultCell(variant, seed, setting, folder, planning);
    });
    provisional.set(variant.name, cells);
  }
  return {
    sweeps,
    provisional,
    cells: [...sweeps.flatMap(({ cells }) => cells), ...[...provisional.values()].flat()],
  };
});
