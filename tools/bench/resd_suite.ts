/** Suite `resd`: where the time of an update goes, and what reflection and playbook add to it. */
import { fileURLToPath } from "node:url";
import { hostLayer } from "@resd/cli/host";
import type { Phase } from "@resd/core";
import { defineRun, run } from "@resd/run";
import { Console, Effect, FileSystem } from "effect";
import { type Measurement, measurement, MILLISECONDS, type SuiteOptions } from "./measurement.ts";
import { inTurnsByUpdate, type UpdateTime, type Watched } from "./turns.ts";

const MODEL = fileURLToPath(new URL("../../models/kestrel", import.meta.url));

const PEER = "the same run without reflection and playbook";

/** Updates before the first timed one: they compile most programs. */
const WARM_UP = 2;

/** Phases of an update, in their order. */
const PHASES: ReadonlyArray<Phase> = ["rollout", "grade", "reflect", "curate", "score", "update"];

/** What the variant leaves out. */
const WITHOUT_WORDS = { reflect: false, playbook: "none" } as const;

const shortRun = (
  watched: Watched,
  folder: string,
  { threads, repeats }: SuiteOptions,
  words: boolean,
) => {
  const updates = WARM_UP + repeats;
  const definition = defineRun({
    preset: "kestrel",
    config: {
      name: words ? "kestrel" : "kestrel-without-words",
      seed: 100,
      model: MODEL,
      runDir: `${folder}/${words ? "with" : "without"}`,
      compute: { use: "onnx", options: { threads } },
      trackers: [],
      resd: {
        updates,
        evaluation: { every: updates },
        ...(words ? {} : WITHOUT_WORDS),
      },
    },
    layers: { tracker: watched.layer },
  });
  return run(definition);
};

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Means, because the parts of a budget have to add up to the whole. */
const budgetRow = (
  name: string,
  threads: number,
  ours: ReadonlyArray<number>,
  peer: ReadonlyArray<number>,
): Measurement => {
  const common = { name, peerName: PEER, unit: MILLISECONDS, threads, ours };
  const [own, other] = [mean(ours), mean(peer)];
  // A phase that one of the runs does not have cannot be compared.
  return own === 0 || other === 0
    ? { ...measurement({ ...common, peer: undefined }), ours: own }
    : { ...measurement({ ...common, peer }), ours: own, peer: other, ratio: other / own };
};

const phaseTimes =
  (phase: Phase) =>
  ({ phases }: UpdateTime): number =>
    phases[phase] ?? 0;
const otherTime = ({ milliseconds, phases }: UpdateTime): number =>
  milliseconds - PHASES.reduce((sum, phase) => sum + (phases[phase] ?? 0), 0);

export const resdSuite = Effect.fnUntraced(
  function* (options: SuiteOptions) {
    const files = yield* FileSystem.FileSystem;
    const folder = yield* files.makeTempDirectoryScoped({ prefix: "resd-bench-" });
    const [ours, peer] = yield* inTurnsByUpdate;
    yield* Console.error(
      `measuring ${options.repeats} updates of preset kestrel, in turns with ${PEER}`,
    );
    yield* Effect.all(
      [shortRun(ours, folder, options, true), shortRun(peer, folder, options, false)],
      { concurrency: 2 },
    );
    const { threads } = options;
    const timed = ({ updates }: Watched, of: (update: UpdateTime) => number) =>
      updates.slice(WARM_UP).map(of);
    const both = (of: (update: UpdateTime) => number) =>
      [timed(ours, of), timed(peer, of)] as const;
    const [whole, peerWhole] = both(({ milliseconds }) => milliseconds);
    const rows: ReadonlyArray<Measurement> = [
      measurement({
        name: "resd step",
        peerName: PEER,
        unit: MILLISECONDS,
        threads,
        ours: whole,
        peer: peerWhole,
      }),
      budgetRow("resd step, mean", threads, whole, peerWhole),
      ...PHASES.map((phase) =>
        budgetRow(`resd step: ${phase}, mean`, threads, ...both(phaseTimes(phase))),
      ),
      budgetRow("resd step: the rest, mean", threads, ...both(otherTime)),
      budgetRow("resd evaluation, mean", threads, ours.evaluations, peer.evaluations),
    ];
    return rows.filter(({ name }) => name.includes(options.only));
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
