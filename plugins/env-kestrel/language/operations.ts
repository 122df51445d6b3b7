/** What the chip can do and how its mnemonics are spelled. Which mnemonic does what is a convention.ts matter. */

/** Operations of one group share their shape and their four mnemonics; a convention never mixes groups. */
export const GROUPS = ["arithmetic", "comparison", "transform", "port"] as const;
export type Group = (typeof GROUPS)[number];

/** The operations of each group. Arithmetic and comparison take an argument, transforms and ports do not. */
export const OPERATIONS_OF = {
  arithmetic: ["add", "subtract", "multiply", "subtract-from"],
  comparison: ["at-least", "at-most", "distance", "average"],
  transform: ["double", "halve", "flip", "square"],
  port: ["disk", "screen", "radio", "printer"],
} as const satisfies Record<Group, ReadonlyArray<string>>;
export type Operation = (typeof OPERATIONS_OF)[Group][number];
export type Port = (typeof OPERATIONS_OF)["port"][number];

/** The mnemonics of each group, in the order of the chip's front panel: the order says nothing about meaning. */
export const MNEMONICS_OF = {
  arithmetic: ["KEL", "ZUB", "MIP", "TOR"],
  comparison: ["VAX", "QUO", "NIB", "HEX"],
  transform: ["JAL", "PEF", "ROK", "SUD"],
  port: ["OUX", "WYN", "DAB", "FIG"],
} as const satisfies Record<Group, ReadonlyArray<string>>;
export type Mnemonic = (typeof MNEMONICS_OF)[Group][number];

/** All sixteen of each, group by group. */
export const OPERATIONS: ReadonlyArray<Operation> = GROUPS.flatMap((group) => [
  ...OPERATIONS_OF[group],
]);
export const MNEMONICS: ReadonlyArray<Mnemonic> = GROUPS.flatMap((group) => [
  ...MNEMONICS_OF[group],
]);

/** The only constants the chip can hold. */
export const ARGUMENTS = [2, 3, 4, 7] as const;
export type Argument = (typeof ARGUMENTS)[number];

const groupOfName: ReadonlyMap<string, Group> = new Map(
  GROUPS.flatMap((group) =>
    [...OPERATIONS_OF[group], ...MNEMONICS_OF[group]].map((name) => [name, group] as const),
  ),
);
const operations: ReadonlySet<string> = new Set(OPERATIONS);
const mnemonics: ReadonlySet<string> = new Set(MNEMONICS);
const ports: ReadonlySet<string> = new Set(OPERATIONS_OF.port);

export const isOperation = (word: string | undefined): word is Operation =>
  word !== undefined && operations.has(word);
export const isMnemonic = (word: string | undefined): word is Mnemonic =>
  word !== undefined && mnemonics.has(word);
export const isPort = (word: string | undefined): word is Port =>
  word !== undefined && ports.has(word);

/** The group of an operation or of a mnemonic. */
export const groupOf = (name: Operation | Mnemonic): Group => groupOfName.get(name) as Group;

/** Whether lines of a group carry a constant. */
export const takesArgument = (of: Group): boolean => of === "arithmetic" || of === "comparison";

/** The four mnemonics one of which does `operation`. */
export const mnemonicsFor = (operation: Operation): ReadonlyArray<Mnemonic> =>
  MNEMONICS_OF[groupOf(operation)];

/** The register holds one decimal digit: every effect is taken modulo 10. */
const EFFECTS: Record<Exclude<Operation, Port>, (value: number, argument: number) => number> = {
  add: (v, n) => v + n,
  subtract: (v, n) => v - n,
  multiply: (v, n) => v * n,
  "subtract-from": (v, n) => n - v,
  "at-least": (v, n) => Math.max(v, n),
  "at-most": (v, n) => Math.min(v, n),
  distance: (v, n) => Math.abs(v - n),
  average: (v, n) => Math.floor((v + n) / 2),
  double: (v) => 2 * v,
  halve: (v) => Math.floor(v / 2),
  flip: (v) => 9 - v,
  square: (v) => v * v,
};

/** The register after `operation`; `value` in 0..9, and so is the answer. Groups without argument ignore it. */
export const applyOperation = (
  operation: Exclude<Operation, Port>,
  value: number,
  argument = 0,
): number => (((EFFECTS[operation](value, argument) % 10) + 10) % 10) as number;
