/**
 * The language a second time, as slowly and plainly as it can be written down from its description: one symbol at a time,
 * no regular expressions, nothing shared with the real one. Tests compare the two.
 */

interface NaiveRoute {
  readonly word: string;
  readonly target: string;
  readonly line: number;
}

interface NaiveNode {
  readonly type: string;
  readonly id: string;
  readonly line: number;
  readonly routes: Array<NaiveRoute>;
}

export type NaiveProgram = ReadonlyArray<NaiveNode>;

/** Where a text is no program: the line, or 0 for the whole. */
export class NaiveError extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const isSpace = (symbol: string): boolean => symbol.trim() === "";
const WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/** Takes symbols from the front of a text while they fit. */
const takeWhile = (text: string, fits: (symbol: string) => boolean): readonly [string, string] => {
  let taken = "";
  for (let i = 0; i < text.length && fits(text[i] as string); i++) taken += text[i];
  return [taken, text.slice(taken.length)];
};

const isNothingOrComment = (text: string): boolean => {
  const rest = text.trim();
  return rest === "" || rest[0] === "#";
};

const PAINTERS = ["PAINTER_RED", "PAINTER_BLUE", "PAINTER_YELLOW", "PAINTER_GREEN"];
const TYPES = ["START", "END", "PULLER_RB", "PULLER_YG", ...PAINTERS];

const header = (text: string, line: number): NaiveNode => {
  const [type, afterType] = takeWhile(text, (symbol) => !isSpace(symbol));
  if (!TYPES.includes(type)) throw new NaiveError(line, "no such type");
  const [, beforeId] = takeWhile(afterType, isSpace);
  const [id, afterId] = takeWhile(beforeId, (symbol) => WORD.includes(symbol));
  if (id === "") throw new NaiveError(line, "no identifier");
  const colon = afterId[0] === ":";
  if (!isNothingOrComment(colon ? afterId.slice(1) : afterId)) throw new NaiveError(line, "more");
  if (type === "END" && colon) throw new NaiveError(line, "a colon");
  if (type !== "END" && !colon) throw new NaiveError(line, "no colon");
  if (type === "START" && id !== "start") throw new NaiveError(line, "the start is not start");
  if (type === "END" && id !== "end") throw new NaiveError(line, "the end is not end");
  return { type, id, line, routes: [] };
};

const route = (text: string, type: string, line: number): NaiveRoute => {
  const [word, afterWord] = takeWhile(text, (symbol) => !isSpace(symbol));
  const [, beforeTarget] = takeWhile(afterWord, isSpace);
  const [target, rest] = takeWhile(beforeTarget, (symbol) => WORD.includes(symbol));
  const allowed =
    type === "END"
      ? []
      : type === "PULLER_RB"
        ? ["[R]", "[B]", "[EMPTY]"]
        : type === "PULLER_YG"
          ? ["[Y]", "[G]", "[EMPTY]"]
          : ["NEXT"];
  if (!allowed.includes(word)) throw new NaiveError(line, "no such route");
  if (target === "" || !isNothingOrComment(rest)) throw new NaiveError(line, "no target");
  return { word, target, line };
};

const needsNext = (type: string): boolean => type === "START" || PAINTERS.includes(type);

const finish = (node: NaiveNode | undefined): void => {
  if (node !== undefined && needsNext(node.type) && node.routes.length !== 1) {
    throw new NaiveError(node.line, "not one route");
  }
};

/** Reads a program or throws a NaiveError. */
export const naiveParse = (given: string): NaiveProgram => {
  let lines = given.trim().split("\n");
  if (lines.length > 1 && lines[0]?.trim() === "```" && lines[lines.length - 1]?.trim() === "```") {
    lines = lines
      .slice(1, lines.length - 1)
      .join("\n")
      .trim()
      .split("\n");
  }
  const nodes: Array<NaiveNode> = [];
  for (let i = 0; i < lines.length; i++) {
    const raw = lines[i] as string;
    const last = nodes[nodes.length - 1];
    if (isNothingOrComment(raw)) continue;
    if (last !== undefined && (raw.startsWith("    ") || raw.startsWith("\t"))) {
      last.routes.push(route(raw.trim(), last.type, i + 1));
      continue;
    }
    const node = header(raw.trim(), i + 1);
    finish(last);
    if (nodes.some(({ id }) => id === node.id)) throw new NaiveError(i + 1, "a name twice");
    nodes.push(node);
  }
  finish(nodes[nodes.length - 1]);
  if (!nodes.some(({ type }) => type === "START")) throw new NaiveError(0, "no start");
  if (!nodes.some(({ type }) => type === "END")) throw new NaiveError(0, "no end");
  for (const node of nodes) {
    for (const { target, line } of node.routes) {
      const declared = nodes.some(({ id }) => id === target);
      if (!declared && target !== "NONE" && target !== "END") throw new NaiveError(line, "no node");
    }
  }
  return nodes;
};

export interface NaiveRun {
  readonly finished: boolean;
  readonly reason: string;
  readonly tape: string;
  readonly path: ReadonlyArray<string>;
}

/** Runs a program on a tape, cutting and joining strings. */
export const naiveRun = (program: NaiveProgram, input: string): NaiveRun => {
  let tape = input;
  let id = "start";
  const path: Array<string> = [];
  for (let iteration = 1; iteration <= 1000; iteration++) {
    path.push(id);
    if (id === "NONE") return { finished: false, reason: "Routed to NONE", tape, path };
    if (id === "end") return { finished: true, reason: "", tape, path };
    const here = id;
    const node = program.find((one) => one.id === here);
    if (node === undefined) return { finished: false, reason: `Unknown node: ${id}`, tape, path };
    if (node.type === "START") id = node.routes[0]?.target ?? "";
    else if (node.type.startsWith("PAINTER_")) {
      tape = tape + node.type["PAINTER_".length];
      id = node.routes[0]?.target ?? "";
    } else {
      const pair = node.type === "PULLER_RB" ? "RB" : "YG";
      const symbol = tape.slice(0, 1);
      const taken = symbol !== "" && pair.includes(symbol);
      if (taken) tape = tape.slice(1);
      const word = taken ? `[${symbol}]` : "[EMPTY]";
      id = node.routes.find((one) => one.word === word)?.target ?? "NONE";
    }
  }
  const reason = "Maximum iterations exceeded (possible infinite loop)";
  return { finished: false, reason, tape, path };
};
