import {
  type Convention,
  conventionAt,
  conventionOf,
  isMnemonic,
  isOperation,
  isPort,
} from "@resd/env-kestrel/language";
import { assert, describe, it } from "vitest";
import {
  type DocumentKind,
  MIXTURES,
  type PretrainingDocument,
  RESERVED_SEEDS,
  documentAt,
} from "./documents.ts";
import { curate, reflect } from "./oracle.ts";
import { VOCABULARY } from "./tokenizer.ts";

const COUNT = 6000;
const documents = Array.from({ length: COUNT }, (_, index) => documentAt(7, index, 1));
const easyDocuments = Array.from({ length: 2000 }, (_, index) => documentAt(7, index, 0));

/** The words between a control token and the next one; undefined without it. */
const sectionOf = (words: ReadonlyArray<string>, control: string): string | undefined => {
  const start = words.indexOf(control);
  if (start < 0) return undefined;
  const rest = words.slice(start + 1);
  const end = rest.findIndex((word) => word.startsWith("<"));
  return rest.slice(0, end < 0 ? undefined : end).join(" ");
};
const entriesOf = (text: string): ReadonlyArray<string> => text.match(/\S+ is \S+/g) ?? [];

/** Runs of supervised words: each answer that the model has to write, without its `<end>`. */
const answersOf = ({ words, targets }: PretrainingDocument): ReadonlyArray<string> => {
  const answers: Array<string> = [];
  let answer: Array<string> = [];
  for (const [i, target] of targets.entries()) {
    if (target === null) continue;
    if (target === "<end>") {
      answers.push(answer.join(" "));
      answer = [];
    } else {
      if (words[i + 1] !== target) assert.fail(`${words[i + 1]} is fed where ${target} is asked`);
      answer.push(target);
    }
  }
  assert.deepStrictEqual(answer, [], "an answer without <end>");
  return answers;
};

/** Whether every mnemonic of a program or of entries is the true one for the operation before it. */
const isTrueOf = (text: string, { mnemonicOf }: Convention): boolean => {
  const words = text.split(" ").filter((word) => isOperation(word) || isMnemonic(word));
  return words.every((word, i) => !isOperation(word) || mnemonicOf[word] === words[i + 1]);
};

const ofKind = (kind: DocumentKind) => documents.filter((document) => document.kind === kind);
const feedbackIn = ({ words }: PretrainingDocument) => sectionOf(words, "<fb>");

describe("documentAt", () => {
  it("documentAt() is a pure function of seed, index and level", () => {
    assert.deepStrictEqual(documentAt(7, 99, 1), documents[99]);
    assert.notDeepEqual(documentAt(8, 99, 1), documents[99]);
    assert.notDeepEqual(documentAt(7, 100, 1), documents[99]);
  });

  it("documentAt() uses only words of the vocabulary, and never feeds <end>, <pad> or <unk>", () => {
    const fed = new Set<string>();
    const asked = new Set<string | null>();
    for (const { words, targets } of [...documents, ...easyDocuments]) {
      assert.strictEqual(words.length, targets.length);
      for (const word of words) fed.add(word);
      for (const target of targets) asked.add(target);
    }
    const known = new Set<string | null>([null, ...VOCABULARY]);
    assert.deepStrictEqual(
      VOCABULARY.filter((word) => !fed.has(word)),
      ["<pad>", "<unk>", "<end>"],
    );
    assert.deepStrictEqual(
      [...fed, ...asked].filter((word) => !known.has(word)),
      [],
    );
  });

  it("documentAt() uses no convention of a reserved run seed", () => {
    const reserved = new Set(
      Array.from({ length: RESERVED_SEEDS }, (_, seed) => conventionOf(seed).index),
    );
    for (const { convention } of [...documents, ...easyDocuments]) {
      assert.isFalse(reserved.has(convention));
    }
  });

  it("documentAt() keeps the shares of the mixture", () => {
    for (const [kind, share] of Object.entries(MIXTURES.foundation)) {
      assert.closeTo(ofKind(kind as DocumentKind).length / COUNT, share, 0.02, kind);
    }
  });

  it("documentAt() asks as often for a program after a failure's raw feedback as after a reflection on it", () => {
    const afterFailure = documents.filter(({ words }) => {
      const feedback = sectionOf(words, "<fb>");
      return feedback !== undefined && feedback !== "pass" && words.includes("<prog>");
    });
    const reflected = afterFailure.filter(({ words }) => words.includes("<ref>"));
    assert.closeTo(reflected.length / afterFailure.length, 0.5, 0.03);
  });

  it("documentAt() asks for true programs only, whatever stands before them", () => {
    let programs = 0;
    for (const document of documents) {
      if (!document.words.includes("<prog>")) continue;
      const program = answersOf(document).at(-1) ?? "";
      assert.strictEqual(program, sectionOf(document.words, "<prog>"));
      assert.isTrue(isTrueOf(program, conventionAt(document.convention)), program);
      const solution = sectionOf(document.words, "<sol>");
      if (solution !== undefined) assert.strictEqual(program, solution);
      programs++;
    }
    assert.isAbove(programs, COUNT / 2);
  });

  it("documentAt() asks for the oracle's reflection, and for <end> after it even where the document goes on", () => {
    let goesOn = 0;
    let passed = 0;
    for (const document of ofKind("reflection")) {
      const { words, targets } = document;
      const feedback = sectionOf(words, "<fb>") ?? "";
      const oracle = reflect({
        plan: sectionOf(words, "<task>") ?? "",
        attempt: sectionOf(words, "<try>") ?? "",
        feedback,
      }).text;
      assert.strictEqual(answersOf(document)[0], oracle);
      assert.strictEqual(sectionOf(words, "<ref>"), oracle);
      const last = words.indexOf("<ref>") + oracle.split(" ").length;
      assert.strictEqual(targets[last], "<end>");
      if (words[last + 1] !== undefined) goesOn++;
      if (feedback === "pass") {
        passed++;
        assert.strictEqual(words.length, last + 1);
      }
    }
    const count = ofKind("reflection").length;
    assert.closeTo(passed / count, 0.3, 0.04);
    assert.closeTo(goesOn / count, 0.47, 0.04);
  });

  it("documentAt() asks for the curator's reply, as often adding as leaving things alone", () => {
    const cases = { none: 0, left: 0, added: 0 };
    for (const document of ofKind("curator")) {
      const playbook = entriesOf(sectionOf(document.words, "<pb>") ?? "");
      const said = sectionOf(document.words, "<ref>")?.replace(/^insight /, "");
      const reply = curate(playbook, said === "none" ? undefined : said);
      assert.deepStrictEqual(answersOf(document), [reply]);
      if (reply === "none") cases.none++;
      else if (reply.includes("ADD")) cases.added++;
      else cases.left++;
    }
    const count = ofKind("curator").length;
    assert.closeTo(cases.none / count, 0.09, 0.04);
    assert.closeTo(cases.left / count, 0.45, 0.05);
    assert.closeTo(cases.added / count, 0.46, 0.05);
  });

  it("documentAt() has a playbook beside most attempts, with wrong and contradictory entries", () => {
    const books = ofKind("reflection").flatMap(({ words, convention }) => {
      const text = sectionOf(words, "<pb>");
      return text === undefined
        ? []
        : [{ entries: entriesOf(text), truth: conventionAt(convention) }];
    });
    assert.closeTo(books.length / ofKind("reflection").length, 0.7, 0.04);
    const all = books.flatMap(({ entries, truth }) => entries.map((one) => isTrueOf(one, truth)));
    assert.closeTo(all.filter((one) => !one).length / all.length, 0.15, 0.06);
    const contradictory = books.filter(
      ({ entries }) => new Set(entries.map((one) => one.split(" ")[0])).size < entries.length,
    );
    assert.isAbove(contradictory.length / books.length, 0.2);
    assert.isTrue(books.every(({ entries }) => entries.length <= 20));
  });

  it("documentAt() has every context in which the teacher of a run is asked", () => {
    const seen = new Set(
      documents
        .filter(({ words }) => words.includes("<prog>"))
        .map((document) =>
          [
            ...document.words.filter((word) => word.startsWith("<")),
            feedbackIn(document) === "pass" ? "passed" : "failed",
          ].join(" "),
        ),
    );
    for (const playbook of ["", "<pb> "]) {
      assert.include([...seen], `<task> ${playbook}<try> <fb> <prog> failed`);
      assert.include([...seen], `<task> ${playbook}<try> <fb> <sol> <prog> failed`);
      assert.include([...seen], `<task> ${playbook}<try> <fb> <ref> <prog> failed`);
      assert.include([...seen], `<task> ${playbook}<try> <fb> <ref> <sol> <prog> failed`);
      assert.include([...seen], `<task> ${playbook}<try> <fb> <sol> <prog> passed`);
    }
  });

  it("documentAt() keeps its sequences short", () => {
    assert.isAtMost(Math.max(...documents.map(({ words }) => words.length)), 200);
  });

  it("documentAt() of level 0 has short plans and true playbooks", () => {
    for (const { kind, words, convention } of easyDocuments) {
      if (kind === "curator") continue;
      const plan = (sectionOf(words, "<task>") ?? "").split(" ").filter(isOperation);
      assert.isAtMost(plan.length, 3);
      assert.isTrue(isPort(plan.at(-1)));
      assert.isTrue(isTrueOf(sectionOf(words, "<pb>") ?? "", conventionAt(convention)));
    }
  });
});
