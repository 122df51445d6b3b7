/** Runs made up for tests: their numbers say nothing about any method. */
import type { RunSummary } from "@resd/run";

const UPDATES = 12;
const EPISODES_PER_UPDATE = 16;

const evaluation = (perTask: number) => ({
  perTask,
  perTest: perTask,
  bestOfK: perTask,
  bestPerTest: perTask,
  bestOfKBootstrap: perTask,
  bestPerTestBootstrap: perTask,
  perTaskStderr: 0,
  perTestStderr: 0,
  bestOfKStderr: 0,
  bestPerTestStderr: 0,
  k: 4,
  tasks: 64,
  attempts: 256,
  meanTokens: 12,
  truncated: 0,
});

const nothing = { rollout: 0, reflect: 0, curate: 0, evaluate: 0 };

/** An entry of a playbook with this text. */
export const madeUpEntry = (text: string): RunSummary["playbook"]["entries"][number] => ({
  key: "global",
  id: `sai-${text.length}`,
  section: "",
  text,
  helpful: 0,
  harmful: 0,
  createdAt: 0,
  lastTaggedAt: 0,
});

/** A finished run that was evaluated every twelve updates, with these successes. */
export const madeUpRun = ({
  seed,
  student,
  teacher,
  ...more
}: {
  readonly seed: number;
  readonly student: ReadonlyArray<number>;
  readonly teacher?: ReadonlyArray<number>;
} & Partial<RunSummary>): RunSummary => ({
  name: "made-up",
  variant: "made-up",
  seed,
  outcome: "finished",
  preset: "made-up",
  environment: "kestrel",
  model: "made-up",
  folder: `runs/made-up-seed-${seed}`,
  updates: (student.length - 1) * UPDATES,
  interactions: (student.length - 1) * UPDATES * EPISODES_PER_UPDATE,
  evaluationEpisodes: 0,
  wallSeconds: 60,
  heldOut: {},
  phases: {},
  modelCalls: nothing,
  generatedTokens: nothing,
  playbook: { size: 0, added: 0, removed: {}, entries: [] },
  diagnoses: [],
  parameters: "",
  curve: student.map((success, i) => {
    const taught = teacher?.[i];
    return {
      update: i * UPDATES,
      interactions: i * UPDATES * EPISODES_PER_UPDATE,
      student: evaluation(success),
      ...(taught === undefined ? {} : { teacher: evaluation(taught) }),
    };
  }),
  ...more,
});
