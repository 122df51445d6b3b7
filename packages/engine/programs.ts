/** Programs by key: each shape bucket is traced and compiled once. */
import { type CompileOptions, ComputeError, type ComputeShape, type Program } from "@resd/core";
import type { Graph } from "@resd/tensor";
import { Effect } from "effect";

/** The compiled programs of a backend. */
export interface Programs {
  readonly compute: ComputeShape;
  /** The program of `key`, made from `build` at the first use. The key must say everything that `build` depends on. */
  readonly get: (key: string, build: () => ProgramSource) => Effect.Effect<Program, ComputeError>;
  /** Keys in order of their first use. */
  readonly keys: () => ReadonlyArray<string>;
}

/** A graph to compile, and how. */
export interface ProgramSource {
  readonly graph: Graph;
  readonly options?: CompileOptions;
}

/** Programs on one backend, none compiled yet. A graph that cannot be built is a ComputeError named by its key. */
export const makePrograms = (compute: ComputeShape): Programs => {
  const known = new Map<string, Program>();
  return {
    compute,
    get: Effect.fnUntraced(function* (key, build) {
      const found = known.get(key);
      if (found !== undefined) return found;
      const { graph, options } = yield* Effect.try({
        try: build,
        catch: (cause) =>
          new ComputeError({
            op: key,
            message: cause instanceof Error ? cause.message : String(cause),
          }),
      });
      const program = yield* compute.compile(graph, options);
      known.set(key, program);
      return program;
    }),
    keys: () => [...known.keys()],
  };
};
