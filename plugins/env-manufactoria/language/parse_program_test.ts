import { Result } from "effect";
import { assert, describe, it } from "vitest";
import { EXAMPLE } from "../manual.ts";
import { parseProgram } from "./parse_program.ts";
import { type Condition, programText } from "./program.ts";

const GOOD = `START start:
    NEXT look
PULLER_RB look: # a note
\t[R] look
    [EMPTY] paint # another
PAINTER_GREEN paint:
    NEXT end
END end`;

const errorOf = (text: string) => {
  const read = parseProgram(text);
  return Result.isFailure(read)
    ? `${read.failure.line ?? "-"} ${read.failure.message}`
    : assert.fail(`a program: ${text}`);
};
const read = (text: string) => Result.getOrThrow(parseProgram(text));

describe("parseProgram()", () => {
  it("reads nodes with their routes, comments and blank lines aside", () => {
    const program = read(`\n\n${GOOD.replace("END end", "\n# the end\nEND end # done")}\n`);
    assert.deepStrictEqual([...program.keys()], ["start", "look", "paint", "end"]);
    assert.deepStrictEqual(program.get("look"), {
      type: "PULLER_RB",
      id: "look",
      routes: new Map<Condition, string>([
        ["EMPTY", "paint"],
        ["R", "look"],
      ]),
    });
    assert.deepStrictEqual(program.get("paint"), {
      type: "PAINTER_GREEN",
      id: "paint",
      next: "end",
    });
  });

  it("reads what programText() writes, and the manual's example", () => {
    for (const text of [GOOD, EXAMPLE]) {
      const program = read(text);
      assert.deepStrictEqual(read(programText(program.values())), program);
    }
  });

  it("takes a pair of bare fences away, and one with a language for a line", () => {
    assert.deepStrictEqual(read(`\`\`\`\n${GOOD}\n\`\`\`\n`), read(GOOD));
    assert.match(errorOf(`\`\`\`js\n${GOOD}\n\`\`\``), /^1 Line 1: /);
  });

  it("takes pullers without routes, NONE and END as targets, and the first of equal conditions", () => {
    const program = read(
      GOOD.replace("\t[R] look", "\t[R] NONE\n    [R] END").replace(
        "END end",
        "PULLER_YG free:\nEND end",
      ),
    );
    const look = program.get("look");
    assert.deepStrictEqual(look && "routes" in look && look.routes.get("R"), "NONE");
    assert.deepStrictEqual(program.get("free"), {
      type: "PULLER_YG",
      id: "free",
      routes: new Map(),
    });
  });

  const refused: ReadonlyArray<readonly [what: string, text: string, error: RegExp]> = [
    ["an empty program", " \n ", /^- Expected nodes, got an empty program/],
    ["only comments", "# START start:", /^- Expected nodes/],
    ["no start", GOOD.replace(/START.*\n.*\n/, ""), /^- Expected a node `START start`/],
    ["no end", GOOD.replace("NEXT end\nEND end", "NEXT NONE"), /^- Expected a node `END end`/],
    ["an unknown type", GOOD.replace("PULLER_RB", "PULLER_BR"), /^3 Line 3: .*"PULLER_BR look/],
    ["a space before the colon", GOOD.replace("look:", "look :"), /^3 Line 3: Expected a node/],
    ["no colon", GOOD.replace("look:", "look"), /^3 .*put a colon right after the name/],
    ["a colon of END", `${GOOD}:`, /^8 .*remove the colon/],
    ["another name of START", GOOD.replace("start:", "begin:"), /^1 .*name the START node start/],
    ["another name of END", `${GOOD}ing`, /^8 .*name the END node end/],
    ["two spaces", GOOD.replace("\t[R]", "  [R]"), /^4 .*indent routes by four spaces or a tab/],
    ["routes without a node", `NEXT look\n${GOOD}`, /^1 .*indent routes/],
    ["an indented END", GOOD.replace("END end", "    END end"), /^8 .*PAINTER_GREEN has no other/],
    ["routes of END", `${GOOD}\n    NEXT look`, /^9 .*no routes below END/],
    ["a name twice", GOOD.replace("paint:", "look:"), /^6 .*line 3 has that name already/],
    ["START without a route", GOOD.replace("    NEXT look\n", ""), /^1 .*START "start", got 0/],
    ["two routes", GOOD.replace("END end", "    NEXT end\nEND end"), /^6 .*"paint", got 2/],
    ["the other pair's colour", GOOD.replace("[R]", "[Y]"), /^4 .*\[B\] name.*got "\[Y\] look"/],
    ["a condition of a painter", GOOD.replace("NEXT end", "[R] end"), /^7 .*Expected `NEXT name`/],
    ["an undeclared target", GOOD.replace("[R] look", "[R] away"), /^4 .*got "away"; declare/],
    [
      "an undeclared target of no effect",
      GOOD.replace("look\n    [E", "look\n    [R] away\n    [E"),
      /^5 /,
    ],
  ];
  it.each(refused)("refuses %s with its line", (_, text, error) => {
    assert.match(errorOf(text), error);
  });

  it("reports the first error in reading order, and cuts what it quotes", () => {
    assert.match(errorOf(`${GOOD.replace("[R]", "[Y]")}\nwhat`), /^4 /);
    const long = "x".repeat(400_000);
    for (const lines of [long, `PULLER_RB ${long}`, `PAINTER_RED ${long}:`, `END ${long}`]) {
      assert.isBelow(errorOf(`${GOOD}\n${lines}`).length, 250, lines.slice(0, 20));
    }
    for (const [part, other] of [
      ["[R] look", `[R] ${long}`],
      ["look:", `${long}:`],
    ] as const) {
      assert.isBelow(errorOf(GOOD.replace(part, other)).length, 250, part);
    }
  });

  it("reads 400,000 characters of anything in time", () => {
    for (const piece of ["START ", "a", " ", "[", "\n", "#", "\t", "START start:\n", "```\n"]) {
      const text = piece.repeat(Math.ceil(400_000 / piece.length));
      assert.isTrue(Result.isFailure(parseProgram(text)), JSON.stringify(piece));
    }
  });
});
