/** The secret of a chip: which mnemonic does which operation. One of 24^4 = 331,776. */
import { type Random, makeRandom } from "@resd/core";
import {
  GROUPS,
  MNEMONICS_OF,
  type Mnemonic,
  OPERATIONS,
  OPERATIONS_OF,
  type Operation,
} from "./operations.ts";

/** A bijection between operations and mnemonics that keeps the groups. */
export interface Convention {
  /** Its rank in 0..`CONVENTIONS`-1: equal numbers, equal conventions. */
  readonly index: number;
  readonly mnemonicOf: Readonly<Record<Operation, Mnemonic>>;
  readonly operationOf: Readonly<Record<Mnemonic, Operation>>;
}

/** All orders of four things, in lexicographic order. */
const PERMUTATIONS: ReadonlyArray<ReadonlyArray<number>> = [0, 1, 2, 3].flatMap((a) =>
  [0, 1, 2, 3].flatMap((b) =>
    [0, 1, 2, 3].flatMap((c) => (new Set([a, b, c]).size === 3 ? [[a, b, c, 6 - a - b - c]] : [])),
  ),
);

/** How many conventions there are. */
export const CONVENTIONS = PERMUTATIONS.length ** GROUPS.length;

/** The convention of a rank. Throws a RangeError outside 0..`CONVENTIONS`-1. */
export const conventionAt = (index: number): Convention => {
  if (!Number.isInteger(index) || index < 0 || index >= CONVENTIONS) {
    throw new RangeError(`Expected a convention index in 0..${CONVENTIONS - 1}, got ${index}`);
  }
  const mnemonicOf = {} as Record<Operation, Mnemonic>;
  const operationOf = {} as Record<Mnemonic, Operation>;
  let rest = index;
  for (const group of GROUPS) {
    const order = PERMUTATIONS[rest % PERMUTATIONS.length] as ReadonlyArray<number>;
    rest = Math.floor(rest / PERMUTATIONS.length);
    OPERATIONS_OF[group].forEach((operation, i) => {
      const mnemonic = MNEMONICS_OF[group][order[i] as number] as Mnemonic;
      mnemonicOf[operation] = mnemonic;
      operationOf[mnemonic] = operation;
    });
  }
  return { index, mnemonicOf, operationOf };
};

/** A convention drawn uniformly: within each group an independent uniform bijection. */
export const randomConvention = (random: Random): Convention =>
  conventionAt(random.int(CONVENTIONS));

/** The hidden convention of a chip. Depends on the seed alone, not on the level or the sizes of the splits. */
export const conventionOf = (seed: number): Convention =>
  randomConvention(makeRandom("kestrel", seed, "convention"));

/** The text of a lesson about a chip, such as `square is ROK`: the words of a playbook entry and of an insight. */
export const pairingText = (operation: string, mnemonic: string): string =>
  `${operation} is ${mnemonic}`;

/** A convention as its sixteen true lessons, in the order of the operations. */
export const pairingsOf = (convention: Convention): ReadonlyArray<string> =>
  OPERATIONS.map((operation) => pairingText(operation, convention.mnemonicOf[operation]));
