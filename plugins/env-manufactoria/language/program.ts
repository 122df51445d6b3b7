/** Programs of the tape machine: nodes with routes between them. */
import { Schema } from "effect";
import { COLOUR_NAMES, type Colour } from "./colour.ts";

/** The pairs of colours that a puller can take from the tape. */
export const PULLERS = {
  PULLER_RB: ["R", "B"],
  PULLER_YG: ["Y", "G"],
} as const satisfies Readonly<Record<string, ReadonlyArray<Colour>>>;
export type Puller = keyof typeof PULLERS;

/** The colour that a painter puts at the back of the tape. */
export const PAINTERS = {
  PAINTER_RED: "R",
  PAINTER_BLUE: "B",
  PAINTER_YELLOW: "Y",
  PAINTER_GREEN: "G",
} as const satisfies Readonly<Record<string, Colour>>;
export type Painter = keyof typeof PAINTERS;

export type NodeType = "START" | "END" | Puller | Painter;

/** What decides a puller's route: a colour that it took, or that it found none of its own. */
export type Condition = Colour | "EMPTY";

/** Type, name and, except for the end, where the node leads. A puller's missing routes lead to `NONE`. */
export type Node =
  | { readonly type: "START" | Painter; readonly id: string; readonly next: string }
  | {
      readonly type: Puller;
      readonly id: string;
      readonly routes: ReadonlyMap<Condition, string>;
    }
  | { readonly type: "END"; readonly id: string };

/** Nodes by name. Reading a text makes sure of a `start`, an `end`, and that every route leads somewhere. */
export type Program = ReadonlyMap<string, Node>;

/** The target that rejects the tape. */
export const NONE = "NONE";

/** The first thing wrong with a program's text. */
export class ProgramError extends Schema.TaggedError<ProgramError>()("ProgramError", {
  /** From 1, in the program as it is between its fences; absent where the whole program is meant. */
  line: Schema.optionalKey(Schema.Int),
  /** Opens with `Line n: ` where there is a line. */
  message: Schema.String,
}) {}

const routesOf = (node: Node): ReadonlyArray<string> => {
  if (node.type === "END") return [];
  return "next" in node
    ? [`NEXT ${node.next}`]
    : [...node.routes].map(([condition, target]) => `[${condition}] ${target}`);
};

/** The program as text, one blank line between nodes. Only an end has no colon. */
export const programText = (nodes: Iterable<Node>): string =>
  [...nodes]
    .map((node) =>
      [
        `${node.type} ${node.id}${node.type === "END" ? "" : ":"}`,
        ...routesOf(node).map((route) => `    ${route}`),
      ].join("\n"),
    )
    .join("\n\n");

/** The painter of a colour. */
export const painterOf = (colour: Colour): Painter =>
  `PAINTER_${COLOUR_NAMES[colour].toUpperCase()}` as Painter;
