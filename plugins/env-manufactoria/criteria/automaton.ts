/** Finite automata over the four colours, as programs: two pullers a state. */
import {
  COLOURS,
  type Colour,
  type Condition,
  type Node,
  NONE,
  type Tape,
} from "../language/mod.ts";

/** Where a state goes: to another state, to the end whatever follows, or to a rejection. */
export type Step = number | "accept" | "reject";

export interface State {
  readonly on: Readonly<Record<Colour, Step>>;
  /** Whether a tape that ends here is accepted. */
  readonly final: boolean;
}

/** A state from what it does with each colour. */
export const state = (on: (colour: Colour) => Step, final: boolean): State => ({
  on: Object.fromEntries(COLOURS.map((colour) => [colour, on(colour)])) as State["on"],
  final,
});

/**
 * The program of an automaton that begins in state 0. State i is a red-blue puller `s<i>` whose EMPTY leads to a
 * yellow-green puller `t<i>`; the EMPTY of that one is the end of the tape.
 */
export const automatonProgram = (states: ReadonlyArray<State>): ReadonlyArray<Node> => {
  const target = (step: Step): string =>
    step === "accept" ? "end" : step === "reject" ? NONE : `s${step}`;
  const pullers = states.flatMap(({ on, final }, i): ReadonlyArray<Node> => {
    const routes = (first: Colour, second: Colour, empty: string) =>
      new Map<Condition, string>([
        [first, target(on[first])],
        [second, target(on[second])],
        ["EMPTY", empty],
      ]);
    return [
      { type: "PULLER_RB", id: `s${i}`, routes: routes("R", "B", `t${i}`) },
      { type: "PULLER_YG", id: `t${i}`, routes: routes("Y", "G", final ? "end" : NONE) },
    ];
  });
  return [{ type: "START", id: "start", next: "s0" }, ...pullers, { type: "END", id: "end" }];
};

/**
 * For every length k of a matched beginning of the pattern and every colour: the length that is matched after it. That is
 * k + 1 where the colour fits, else what the failure function leaves (Knuth, Morris, Pratt 1977). Row k = length of the
 * pattern is what follows a whole match.
 */
export const matchTable = (pattern: Tape): ReadonlyArray<Readonly<Record<Colour, number>>> => {
  const table: Array<Readonly<Record<Colour, number>>> = [];
  // The state that the pattern without its first symbol would be in: where a mismatch falls back to.
  let fallback = 0;
  for (let matched = 0; matched <= pattern.length; matched++) {
    const back = table[fallback];
    const row = Object.fromEntries(
      COLOURS.map((colour) => [
        colour,
        colour === pattern[matched] ? matched + 1 : (back?.[colour] ?? 0),
      ]),
    ) as Readonly<Record<Colour, number>>;
    table.push(row);
    if (matched > 0) fallback = back?.[pattern[matched] as Colour] ?? 0;
  }
  return table;
};
