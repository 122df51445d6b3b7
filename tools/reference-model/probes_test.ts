import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Prompt, Probe } from "@resd/core";
import { conventionOf, pairingsOf } from "@resd/env-kestrel/language";
import { Schema } from "effect";
import { assert, describe, it } from "vitest";
import { RESERVED_SEEDS, documentAt } from "./documents.ts";
import { makeProbes, probesText, segmentsOf } from "./probes.ts";
import { wordId } from "./tokenizer.ts";

const probes = makeProbes(1);
const textOf = (prompt: unknown): string =>
  (prompt as Prompt)
    .map((segment) => ("text" in segment ? segment.text : segment.control))
    .join(" ");

describe("segmentsOf", () => {
  it("segmentsOf() keeps words in order, and only control tokens are controls", () => {
    assert.deepEqual(segmentsOf(["<pb>", "double", "is", "PEF", "<ref>", "<cur>"]), [
      { control: "<pb>" },
      { text: "double is PEF" },
      { control: "<ref>" },
      { control: "<cur>" },
    ]);
  });
});

describe("makeProbes", () => {
  it("makeProbes() gives probes that their schema takes, in words that the model knows", () => {
    assert.isTrue(Schema.is(Schema.Array(Probe))(probes));
    const words = probes.flatMap((probe) => [
      ...textOf(probe.prompt).split(" "),
      ...("answer" in probe ? String(probe.answer) : textOf(probe.continuation)).split(" "),
    ]);
    for (const word of new Set(words)) assert.isAtLeast(wordId(word), 0);
    assert.strictEqual(new Set(probes.map(({ id }) => id)).size, probes.length);
  });

  it("makeProbes() asks for a program that the playbook beside it spells out", () => {
    const programs = probes.filter(({ ability }) => ability === "program from playbook");
    assert.isAbove(programs.length, 50);
    for (const probe of programs) {
      assert("answer" in probe);
      const entries = textOf(probe.prompt).match(/\S+ is \S+/g) ?? [];
      assert.lengthOf(entries, 16);
      const pairs = String(probe.answer).matchAll(/\d0: (\S+) (\S+)/g);
      for (const [, operation, mnemonic] of pairs) {
        assert.include(entries, `${operation} is ${mnemonic}`);
      }
    }
  });

  it("makeProbes() is about chips that no run seed has", () => {
    const taken = new Set(
      Array.from({ length: RESERVED_SEEDS }, (_, seed) =>
        pairingsOf(conventionOf(seed)).toSorted().join(" "),
      ),
    );
    const full = probes
      .map(({ prompt }) => (textOf(prompt).match(/\S+ is [A-Z]{3}/g) ?? []).toSorted())
      .filter((entries) => entries.length === 16);
    assert.isAbove(full.length, 200);
    for (const entries of full) assert.isFalse(taken.has(entries.join(" ")));
  });

  it("makeProbes() scores documents whole, on texts that training does not draw", () => {
    const documents = probes.filter(({ ability }) => ability === "documents");
    assert.lengthOf(documents, 100);
    for (const probe of documents) {
      assert("continuation" in probe);
      assert.match(textOf(probe.continuation), /<end>$/);
      assert.notMatch(textOf(probe.continuation), /<end>.*<end>/);
    }
    const trained = new Set(
      Array.from({ length: 300 }, (_, i) => documentAt(1, i, 1, "refinement").words.join(" ")),
    );
    for (const probe of documents) {
      const words = `${textOf(probe.prompt)} ${"continuation" in probe ? textOf(probe.continuation) : ""}`;
      assert.isFalse(trained.has(words.replace(/ <end>$/, "")));
    }
  });
});

describe("probesText", () => {
  it("probesText() is the file that ships with the model: write_probes.ts writes it anew", () => {
    const file = join(import.meta.dirname, "../../models/kestrel/probes.jsonl");
    assert.isTrue(readFileSync(file, "utf8") === probesText(1));
  });
});
