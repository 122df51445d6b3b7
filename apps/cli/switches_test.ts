import { RunConfig } from "@resd/run";
import { Schema, type SchemaAST } from "effect";
import { assert, describe, it } from "vitest";
import { SWITCHES, isSwitch, takesWord } from "./switches.ts";

/** Dotted paths of a schema that lead to true or false and to nothing else. */
const truths = (ast: SchemaAST.AST, path: string): ReadonlyArray<string> => {
  switch (ast._tag) {
    case "Boolean":
      return [path];
    case "Literal":
      return typeof ast.literal === "boolean" ? [path] : [];
    case "Union":
      return ast.types.some((type) => type._tag === "String")
        ? []
        : ast.types.flatMap((type) => truths(type, path));
    case "Suspend":
      return truths(ast.thunk(), path);
    case "Objects":
      return ast.propertySignatures.flatMap(({ name, type }) =>
        truths(type, path === "" ? String(name) : `${path}.${String(name)}`),
      );
    default:
      return [];
  }
};

describe("SWITCHES", () => {
  it("SWITCHES are what the configuration has of true and false", () => {
    const found = truths(Schema.toEncoded(RunConfig).ast, "");
    assert.isNotEmpty(found);
    assert.deepEqual(
      found.filter((path) => !isSwitch(path)),
      [],
    );
    assert.deepEqual(
      [...SWITCHES].filter((path) => !found.includes(path)),
      [],
    );
  });
});

describe("takesWord", () => {
  it("takesWord() leaves folders behind a switch to the verb, and gives every other flag its word", () => {
    for (const path of ["resd.reflect", "resd.schedule.next.reflect", "thinking", "probes"]) {
      assert.isFalse(takesWord(path, "runs/mine"), path);
      for (const word of ["true", "false", "null"]) assert.isTrue(takesWord(path, word), path);
    }
    assert.isTrue(takesWord("probes", "my_probes.jsonl"));
    assert.isFalse(takesWord("thinking", "my_probes.jsonl"));
    assert.isTrue(takesWord("resd.lr", "runs/mine"));
    assert.isTrue(takesWord("environment.options.level", "siblings"));
  });
});
