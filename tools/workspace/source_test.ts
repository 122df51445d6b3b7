import { assert, describe, it } from "vitest";
import { readSource } from "./source.ts";

describe("readSource()", () => {
  it("lists every way of importing with its line, and ignores text that only looks like one", () => {
    const { imports } = readSource(
      "noun.ts",
      [
        'import { type A } from "a";',
        'import "b";',
        'export { c } from "c";',
        'export const d = () => import("d");',
        "export const text = `",
        'import "not me";',
        "`;",
        '// import "nor me";',
      ].join("\n"),
    );
    assert.deepEqual(
      imports.map(({ specifier, line, typeOnly }) => [specifier, line, typeOnly]),
      [
        ["a", 1, true],
        ["b", 2, false],
        ["c", 3, false],
        ["d", 4, false],
      ],
    );
  });

  it("names exports, and gives up when `export *` hides them", () => {
    assert.deepEqual(readSource("mod.ts", 'export { a, b as c } from "./x.ts";').exportedNames, [
      "a",
      "c",
    ]);
    assert.isUndefined(readSource("mod.ts", 'export * from "./x.ts";').exportedNames);
  });

  it("throws with the file's name when the text is not TypeScript", () => {
    assert.throws(() => readSource("packages/x/y.ts", "const = ;"), /at packages\/x\/y.ts/);
  });
});
