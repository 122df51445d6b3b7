/** Playbooks for the pretraining documents: partly filled, partly wrong, sometimes contradicting themselves. */
import type { Random } from "@resd/core";
import {
  type Convention,
  OPERATIONS,
  OPERATIONS_OF,
  type Operation,
  type Plan,
  groupOf,
  mnemonicsFor,
  pairingText,
} from "@resd/env-kestrel/language";

/** Entries such as `square is ROK`, in the order in which they are rendered. */
export type Playbook = ReadonlyArray<string>;

/** How good a playbook is. */
export interface PlaybookNoise {
  /** Probability that an entry is redrawn within its group, and so may be false. */
  readonly wrong: number;
  /** Further entries, which may give an operation or a mnemonic a second time: one of these counts is drawn. */
  readonly further: ReadonlyArray<number>;
}

/** As a run's own playbook is: nearly always true. */
export const MILD: PlaybookNoise = { wrong: 0.05, further: [0, 0, 0, 1] };
/** As true as it gets: for the first documents a model reads. */
export const CLEAN: PlaybookNoise = { wrong: 0, further: [0] };
/** A neglected playbook. */
export const drawNeglected = (random: Random): PlaybookNoise => ({
  wrong: random.pick([0.05, 0.2, 0.4]),
  further: [0, 0, 1, 2, 3, 4],
});

const SHARE_TRUE_FURTHER = 0.3;

const redraw = (random: Random, operation: Operation): string =>
  pairingText(operation, random.pick(mnemonicsFor(operation)));
const truth = (operation: Operation, convention: Convention): string =>
  pairingText(operation, convention.mnemonicOf[operation]);

/** One entry for each of the operations, in their order, then `further` ones at random places. */
export const drawPlaybook = (
  random: Random,
  operations: ReadonlyArray<Operation>,
  convention: Convention,
  noise: PlaybookNoise,
): Playbook => {
  const entries = operations.map((operation) =>
    random.next() < noise.wrong ? redraw(random, operation) : truth(operation, convention),
  );
  for (let left = random.pick(noise.further); left > 0; left--) {
    const operation = random.pick(
      random.next() < 0.5 && operations.length > 0 ? operations : OPERATIONS,
    );
    const entry =
      random.next() < SHARE_TRUE_FURTHER ? truth(operation, convention) : redraw(random, operation);
    if (!entries.includes(entry)) entries.splice(random.int(entries.length + 1), 0, entry);
  }
  return entries;
};

/** How many operations a run's playbook knows: few in the beginning, all in the end. */
const drawSize = (random: Random): number =>
  [random.int(5), 2 + random.int(8), 8 + random.int(9), 16][random.int(4)] ?? 16;

const COVERED = 0.8;

/** Operations in random order: some number of any, and most of those that the plan needs. */
export const drawKnown = (random: Random, plan: Plan): ReadonlyArray<Operation> => {
  const known = new Set(random.sample(OPERATIONS, drawSize(random)));
  for (const { operation } of plan.steps) {
    if (random.next() < COVERED) known.add(operation);
  }
  return random.shuffle([...known]);
};

/** The same for a beginner: what the plan needs, up to two others, and one to three rivals from each group needed. */
export const drawKnownEasily = (random: Random, plan: Plan): ReadonlyArray<Operation> => {
  const known = new Set(random.sample(OPERATIONS, random.int(3)));
  for (const { operation } of plan.steps) {
    if (random.next() < 0.95) known.add(operation);
    const group: ReadonlyArray<Operation> = OPERATIONS_OF[groupOf(operation)];
    for (const rival of random.sample(group, 1 + random.int(3))) known.add(rival);
  }
  return random.shuffle([...known]);
};

const TRUE_INSIGHTS = 0.85;

const listedOperations = (playbook: Playbook): ReadonlySet<string | undefined> =>
  new Set(playbook.map((entry) => entry.split(" ")[0]));

/** An insight about an operation of which the playbook says nothing; undefined when there is none. */
export const drawNewInsight = (
  random: Random,
  playbook: Playbook,
  convention: Convention,
): string | undefined => {
  const listed = listedOperations(playbook);
  const open = OPERATIONS.filter((operation) => !listed.has(operation));
  if (open.length === 0) return undefined;
  const operation = random.pick(open);
  return random.next() < TRUE_INSIGHTS ? truth(operation, convention) : redraw(random, operation);
};

/** An insight that gives an operation of the playbook another mnemonic; undefined for an empty playbook. */
export const drawRivalInsight = (random: Random, playbook: Playbook): string | undefined => {
  const listed = listedOperations(playbook);
  const rivals = OPERATIONS.filter((operation) => listed.has(operation))
    .flatMap((operation) => mnemonicsFor(operation).map((word) => pairingText(operation, word)))
    .filter((pairing) => !playbook.includes(pairing));
  return rivals.length === 0 ? undefined : random.pick(rivals);
};
