/** The machine: a tape that is a queue, and a program that walks over it. */
import type { Tape } from "./colour.ts";
import { type Condition, NONE, PAINTERS, type Program, PULLERS } from "./program.ts";

/** Nodes that a run may visit, the last one included. */
export const MAX_STEPS = 1000;

/** How a run stopped: at the end, at `NONE`, at a name without a node, or at the limit of its steps. */
export type Halt = "end" | "none" | "unknown" | "limit";

/** What came of a run. The tape is accepted exactly if the run halted at the end. */
export interface Run {
  readonly halt: Halt;
  /** Visited names in order, the one it halted at included; at most `MAX_STEPS`. */
  readonly path: ReadonlyArray<string>;
  /** What is left on the tape. */
  readonly tape: Tape;
  /** What the last puller found; absent before the first one. */
  readonly found?: Condition;
}

/**
 * Runs a program on a tape. Total: every program halts within `MAX_STEPS` steps.
 *
 * A painter adds its colour at the back. A puller looks at the front: a colour of its pair is taken and decides the
 * route; anything else stays where it is and the route is `EMPTY`, as on an empty tape.
 */
export const runProgram = (program: Program, tape: Tape): Run => {
  const symbols = [...tape];
  let front = 0;
  const path: Array<string> = [];
  let found: Condition | undefined;
  const halted = (halt: Halt): Run => ({
    halt,
    path,
    tape: symbols.slice(front).join(""),
    ...(found === undefined ? {} : { found }),
  });
  for (let id = "start"; path.length < MAX_STEPS;) {
    path.push(id);
    if (id === NONE) return halted("none");
    if (id === "end") return halted("end");
    const node = program.get(id);
    if (node === undefined || node.type === "END") return halted("unknown");
    if ("routes" in node) {
      const symbol = symbols[front];
      const own = (PULLERS[node.type] as ReadonlyArray<string | undefined>).includes(symbol);
      if (own) front++;
      found = own ? (symbol as Condition) : "EMPTY";
      id = node.routes.get(found) ?? NONE;
    } else {
      if (node.type !== "START") symbols.push(PAINTERS[node.type]);
      id = node.next;
    }
  }
  return halted("limit");
};

/** Why a run did not get to the end, in a few words; undefined when it did. */
export const haltReason = ({ halt, path }: Run): string | undefined =>
  ({
    end: undefined,
    none: "Routed to NONE",
    unknown: `Unknown node: ${path.at(-1)}`,
    limit: "Maximum iterations exceeded (possible infinite loop)",
  })[halt];
