/** Reading programs. Any text gives a program or the first error in it, with its line. */
import { Result } from "effect";
import {
  type Condition,
  type Node,
  type NodeType,
  NONE,
  PAINTERS,
  type Painter,
  type Program,
  ProgramError,
  PULLERS,
  type Puller,
} from "./program.ts";

const HEADER = /^(\S+)\s+(\w+)(:?)\s*(?:#[^]*)?$/;
const NEXT_ROUTE = /^NEXT\s+(\w+)\s*(?:#[^]*)?$/;
const PULLER_ROUTE = /^\[(R|B|Y|G|EMPTY)\]\s+(\w+)\s*(?:#[^]*)?$/;
const INDENTED = /^(?: {4}|\t)/;

const TYPES: ReadonlySet<string> = new Set([
  "START",
  "END",
  ...Object.keys(PULLERS),
  ...Object.keys(PAINTERS),
]);
const isType = (word: string): word is NodeType => TYPES.has(word);
const isPuller = (type: NodeType): type is Puller => Object.hasOwn(PULLERS, type);

const MAX_QUOTED = 40;
const quoted = (line: string): string =>
  JSON.stringify(line.length > MAX_QUOTED ? `${line.slice(0, MAX_QUOTED)}…` : line);

interface Route {
  readonly line: number;
  readonly condition: Condition | "NEXT";
  readonly target: string;
}

/** A node while its lines are read. */
interface Draft {
  readonly type: NodeType;
  readonly id: string;
  readonly line: number;
  readonly routes: Array<Route>;
}

const at = (line: number, expected: string, got: string, remedy: string): ProgramError =>
  new ProgramError({ line, message: `Line ${line}: Expected ${expected}, got ${got}; ${remedy}` });

/** The ids that START and END must have, and that the machine knows them by. */
const FIXED: Readonly<Record<string, string>> = { START: "start", END: "end" };

const readHeader = (text: string, line: number): Draft | ProgramError => {
  const [, type = "", id = "", colon = ""] = HEADER.exec(text) ?? [];
  if (!isType(type)) {
    return /^(?:NEXT\b|\[)/.test(text)
      ? at(line, "a node", quoted(text), "indent routes by four spaces or a tab")
      : at(line, "a node such as `PULLER_RB name:`", quoted(text), "use a type of the manual");
  }
  if (type === "END" && colon !== "") {
    return at(line, "`END end` without a colon", quoted(text), "remove the colon");
  }
  if (type !== "END" && colon === "") {
    return at(line, `\`${type} name:\``, quoted(text), "put a colon right after the name");
  }
  const fixed = FIXED[type] ?? id;
  if (id !== fixed) {
    return at(line, `\`${type} ${fixed}\``, quoted(text), `name the ${type} node ${fixed}`);
  }
  return { type, id, line, routes: [] };
};

/** Adds a route to a node, or says what is wrong with it. */
const addRoute = (node: Draft, text: string, line: number): ProgramError | undefined => {
  if (node.type === "END") {
    return at(line, "no routes below END", quoted(text), "start other nodes without indentation");
  }
  if (!isPuller(node.type)) {
    const target = NEXT_ROUTE.exec(text)?.[1];
    if (target === undefined) {
      return at(line, "`NEXT name`", quoted(text), `${node.type} has no other route`);
    }
    node.routes.push({ line, condition: "NEXT", target });
    return undefined;
  }
  const [, condition, target = ""] = PULLER_ROUTE.exec(text) ?? [];
  const known: ReadonlyArray<string> = [...PULLERS[node.type], "EMPTY"];
  if (condition === undefined || !known.includes(condition)) {
    const forms = known.map((name) => `\`[${name}] name\``).join(", ");
    return at(line, `one of ${forms}`, quoted(text), `${node.type} has no other routes`);
  }
  node.routes.push({ line, condition: condition as Condition, target });
  return undefined;
};

/** What is wrong with a node once its last route is read. */
const closeNode = ({ type, id, line, routes }: Draft): ProgramError | undefined =>
  type === "END" || isPuller(type) || routes.length === 1
    ? undefined
    : at(line, `one NEXT route below ${type} ${quoted(id)}`, String(routes.length), "keep one");

const nodeOf = ({ type, id, routes }: Draft): Node => {
  if (type === "END") return { type, id };
  if (!isPuller(type)) return { type: type as "START" | Painter, id, next: routes[0]!.target };
  // Of repeated conditions the first counts.
  const first = routes.toReversed().map(({ condition, target }) => [condition, target] as const);
  return { type, id, routes: new Map(first as ReadonlyArray<readonly [Condition, string]>) };
};

/** Without the pair of bare fences around it, and without the white space around all. */
const unwrap = (text: string): string => {
  const lines = text.trim().split("\n");
  const fenced = lines.length > 1 && lines[0]!.trim() === "```" && lines.at(-1)!.trim() === "```";
  return fenced ? lines.slice(1, -1).join("\n").trim() : lines.join("\n");
};

/**
 * Reads a program. Errors come in reading order; names and targets are compared after the last line.
 *
 * A line that begins with four spaces or a tab is a route of the node above it, whatever it looks like; any other line is
 * a node's header. Blank lines and lines that begin with `#` count, but are skipped.
 */
export const parseProgram = (text: string): Result.Result<Program, ProgramError> => {
  const nodes = new Map<string, Draft>();
  let open: Draft | undefined;
  for (const [index, raw] of unwrap(text).split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const number = index + 1;
    if (open !== undefined && INDENTED.test(raw)) {
      const error = addRoute(open, line, number);
      if (error !== undefined) return Result.fail(error);
      continue;
    }
    const header = readHeader(line, number);
    if (header instanceof ProgramError) return Result.fail(header);
    const unclosed = open && closeNode(open);
    if (unclosed !== undefined) return Result.fail(unclosed);
    const earlier = nodes.get(header.id);
    if (earlier !== undefined) {
      const remedy = `line ${earlier.line} has that name already`;
      return Result.fail(at(number, "a new name", quoted(header.id), remedy));
    }
    nodes.set(header.id, header);
    open = header;
  }
  const error = (open && closeNode(open)) ?? checkWhole(nodes);
  if (error !== undefined) return Result.fail(error);
  return Result.succeed(new Map([...nodes].map(([id, draft]) => [id, nodeOf(draft)])));
};

/** What no single node can know: that the start and the end are there, and that every route leads somewhere. */
const checkWhole = (nodes: ReadonlyMap<string, Draft>): ProgramError | undefined => {
  if (nodes.size === 0) {
    return new ProgramError({ message: "Expected nodes, got an empty program; begin with START" });
  }
  for (const [type, id] of Object.entries(FIXED)) {
    if (nodes.get(id)?.type !== type) {
      const message = `Expected a node \`${type} ${id}\`, got a program without one; add it`;
      return new ProgramError({ message });
    }
  }
  for (const { routes } of nodes.values()) {
    for (const { line, target } of routes) {
      if (target !== NONE && target !== "END" && !nodes.has(target)) {
        return at(line, "a route to a node or to NONE", quoted(target), "declare that node");
      }
    }
  }
  return undefined;
};
