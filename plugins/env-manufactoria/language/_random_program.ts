/** Programs to test with: random ones, and texts that are nearly one. */
import type { Random } from "@resd/core";
import { COLOURS, type Colour } from "./colour.ts";
import {
  type Condition,
  type Node,
  painterOf,
  programText,
  PULLERS,
  type Puller,
} from "./program.ts";

/** A program that reads, with 1 to 6 nodes beside start and end. */
export const randomProgram = (random: Random): string => {
  const ids = Array.from({ length: 1 + random.int(6) }, (_, i) => `n${i}`);
  const target = () => random.pick([...ids, ...ids, "end", "NONE", "END"]);
  const nodes = ids.map((id): Node => {
    if (random.next() < 0.3) {
      return { type: painterOf(random.pick<Colour>(COLOURS)), id, next: target() };
    }
    const type = random.pick<Puller>(["PULLER_RB", "PULLER_YG"]);
    const conditions = random.sample<Condition>([...PULLERS[type], "EMPTY"], random.int(4));
    return { type, id, routes: new Map(conditions.map((condition) => [condition, target()])) };
  });
  return programText([
    { type: "START", id: "start", next: target() },
    ...nodes,
    { type: "END", id: "end" },
  ]);
};

const WORDS = [
  ..."RBYG[]:#_ \t\n`0é",
  "    ",
  "NEXT ",
  "[R] ",
  "[EMPTY] ",
  "START ",
  "END end",
  "PULLER_YG ",
  "PAINTER_RED ",
  " # note",
  "NONE",
  "END",
  "end",
  "start",
  "__proto__",
  "\u2028",
  "\r",
];

const INDENTS = ["", "  ", "   ", "    ", "\t", "     ", " \t"];

/** The text with one thing changed: a line, an indentation, a symbol, a word, a route, or the fences around it. */
export const mutated = (random: Random, text: string): string => {
  const lines = text.split("\n");
  const at = random.int(lines.length);
  const line = lines[at] as string;
  const place = random.int(text.length + 1);
  const words = text.match(/\w+/g) ?? ["x"];
  const changes: ReadonlyArray<() => string> = [
    () => lines.toSpliced(at, 1).join("\n"),
    () => lines.toSpliced(at, 0, line).join("\n"),
    () => lines.toSpliced(at, 1).toSpliced(random.int(lines.length), 0, line).join("\n"),
    () => lines.with(at, random.pick(INDENTS) + line.trimStart()).join("\n"),
    () => lines.with(at, line.replace(/\w+(?=\s*$)/, random.pick(words))).join("\n"),
    () => lines.with(at, line.replace(/^\S+/, random.pick(words))).join("\n"),
    () =>
      lines.with(at, line.replace(/\[\w+\]/, `[${random.pick([...COLOURS, "EMPTY"])}]`)).join("\n"),
    () => lines.with(at, line + random.pick([" # note", "#note", " ", " x", ":", " :"])).join("\n"),
    () => text.slice(0, place) + text.slice(place + 1),
    () => text.slice(0, place) + random.pick(WORDS) + text.slice(place),
    () => `\`\`\`\n${text}\n\`\`\``,
    () => ` \n# before\n\n${text}`,
  ];
  return random.pick(changes)();
};
