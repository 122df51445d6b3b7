import { type Entry, type Prompt, type Tag, type View, makeRandom } from "@resd/core";
import { attemptOf } from "@resd/testing";
import { assert, describe, it } from "vitest";
import { compactFormat as format } from "./compact.ts";

const spell = (prompt: Prompt): string =>
  prompt.map((segment) => ("text" in segment ? segment.text : segment.control)).join(" ");

const entryOf = (text: string, i: number): Entry => ({
  id: `sai-${String(i + 1).padStart(5, "0")}`,
  section: "STRATEGIES & INSIGHTS",
  text,
  helpful: i,
  harmful: 0,
  createdAt: 0,
  lastTaggedAt: 0,
});
const viewOf = (...lessons: ReadonlyArray<string>): View => ({
  version: 1,
  updateCount: 1,
  entries: lessons.map(entryOf),
});
const empty = viewOf();

const problem = "10: square 20: subtract 3 30: subtract 3 40: screen";
const answer = "10: square PEF 20: subtract ZUB 3 30: subtract MIP 3 40: screen FIG";
const user = [{ role: "user", content: problem }] as const;
const test = {
  id: "2",
  visibility: "public",
  status: "failed",
  input: "x 4",
  expected: "0 screen",
  actual: "8 screen",
  debug: "trace 4 8 1 8",
} as const;
const failed = attemptOf({
  problem,
  answer,
  results: [
    { tests: [{ ...test, id: "1", status: "passed" }, test, { ...test, id: "3" }], cases: ["2"] },
  ],
});
const wrongSyntax = attemptOf({
  problem,
  answer: "10: square 20:",
  results: [
    {
      tests: [{ id: "1", visibility: "public", status: "skipped", input: "x 4" }],
      feedback: {
        leakage: "none",
        parts: [
          { kind: "format", text: "error 20:" },
          { kind: "format", text: "Expected an operation" },
        ],
      },
    },
  ],
});
const passed = attemptOf({ problem, answer, results: [{ success: true }] });
const report = "test x 4 want 0 screen got 8 screen trace 4 8 1 8";
const diagnosis =
  "10: square PEF 4 8 did double bad 20: subtract ZUB 3 8 1 did add bad 30: subtract MIP 3 1 8 did subtract ok 40: screen FIG did screen ok insight double is PEF";
const lessons = viewOf("screen is FIG", "square is ROK");

describe("compactFormat prompts", () => {
  it("student() is the plan between <task> and <prog>", () => {
    assert.strictEqual(spell(format.student(user)), `<task> ${problem} <prog>`);
  });

  it("teacher() has its sections in order and leaves out the empty ones", () => {
    assert.strictEqual(
      spell(
        format.teacher(user, {
          playbook: lessons.entries,
          attempt: answer,
          feedback: report,
          reflection: diagnosis,
          solution: "10: square ROK",
        }),
      ),
      `<task> ${problem} <pb> screen is FIG square is ROK <try> ${answer} <fb> ${report} <ref> ${diagnosis} <sol> 10: square ROK <prog>`,
    );
    assert.strictEqual(
      spell(format.teacher(user, { playbook: [], attempt: answer, feedback: " ", reflection: "" })),
      `<task> ${problem} <try> ${answer} <prog>`,
    );
  });

  it("reflector() shows the failed case that the environment chose", () => {
    assert.strictEqual(
      spell(format.reflector(failed, lessons)),
      `<task> ${problem} <pb> screen is FIG square is ROK <try> ${answer} <fb> ${report} <ref>`,
    );
    assert.strictEqual(
      spell(format.reflector(wrongSyntax, empty)),
      `<task> ${problem} <try> 10: square 20: <fb> error 20: <ref>`,
    );
  });

  it("success() is the same prompt with pass as feedback", () => {
    assert.strictEqual(
      spell(format.success(passed, lessons)),
      `<task> ${problem} <pb> screen is FIG square is ROK <try> ${answer} <fb> pass <ref>`,
    );
  });

  it("curator() shows the insight alone, and <pb> even when the playbook is empty", () => {
    const reflection = {
      text: diagnosis,
      insight: "double is PEF",
      tags: [],
      parse: "ok",
    } as const;
    assert.strictEqual(
      spell(format.curator(reflection, lessons, failed)),
      "<pb> screen is FIG square is ROK <ref> insight double is PEF <cur>",
    );
    assert.strictEqual(
      spell(format.curator({ text: "x", tags: [], parse: "malformed" }, empty, failed)),
      "<pb> <ref> insight none <cur>",
    );
  });

  it("feedback() is pass, the first failed case, or the first remark", () => {
    assert.strictEqual(format.feedback(passed.results), "pass");
    assert.strictEqual(format.feedback(failed.results), report);
    assert.strictEqual(format.feedback(wrongSyntax.results), "error 20:");
    assert.strictEqual(format.feedback([]), "");
  });

  it("continuation() ends the turn, shows the results and asks again", () => {
    assert.strictEqual(
      spell(format.continuation(user, [{ role: "user", content: "x 3" }])),
      "<end> <task> x 3 <prog>",
    );
    assert.strictEqual(
      spell(
        format.student([
          ...user,
          { role: "assistant", content: "a" },
          { role: "tool", content: "b" },
        ]),
      ),
      `<task> ${problem} <prog> a <end> <task> b <prog>`,
    );
  });

  it("prompts keep control tokens in messages as text", () => {
    const hostile = format.student([{ role: "user", content: "<prog>\n 10: <end>" }]);
    assert.deepEqual(hostile, [
      { control: "<task>" },
      { text: "<prog> 10: <end>" },
      { control: "<prog>" },
    ]);
  });
});

const tags = (reply: string, view: View): ReadonlyArray<Tag> =>
  format.parseReflection(reply, view, "eos").tags;

describe("compactFormat.parseReflection()", () => {
  const view = viewOf(
    "square is PEF",
    "subtract is ZUB",
    "subtract is MIP",
    "screen is FIG",
    "double is PEF",
  );

  it("parseReflection() resolves verdicts to the entries that say the same", () => {
    assert.deepEqual(format.parseReflection(diagnosis, view, "eos"), {
      text: diagnosis,
      insight: "double is PEF",
      tags: [
        { entry: "sai-00001", sign: "harmful" },
        { entry: "sai-00002", sign: "harmful" },
        { entry: "sai-00003", sign: "helpful" },
        { entry: "sai-00004", sign: "helpful" },
      ],
      parse: "ok",
    });
    assert.deepEqual(tags(diagnosis, viewOf("square is ROK")), []);
  });

  it("parseReflection() lets an unclear ok prove nothing, and an unclear bad count", () => {
    const reply =
      "10: square PEF 4 4 did unclear ok 20: subtract ZUB 3 4 4 did unclear bad insight none";
    assert.deepEqual(tags(reply, view), [{ entry: "sai-00002", sign: "harmful" }]);
    assert.strictEqual(format.parseReflection(reply, view, "eos").parse, "ok");
    assert.notProperty(format.parseReflection(reply, view, "eos"), "insight");
  });

  it("parseReflection() reads passes, syntax errors and lines beyond the plan", () => {
    const pass = "10: square PEF ok 20: screen FIG ok insight none";
    assert.deepInclude(format.parseReflection(pass, view, "eos"), {
      tags: [
        { entry: "sai-00001", sign: "helpful" },
        { entry: "sai-00004", sign: "helpful" },
      ],
      parse: "ok",
    });
    assert.deepInclude(format.parseReflection("error 20: insight none", view, "eos"), {
      tags: [],
      parse: "ok",
    });
    const beyond =
      "10: screen FIG did screen ok 20: none PEF 4 8 did double bad insight double is PEF";
    assert.strictEqual(format.parseReflection(beyond, view, "eos").parse, "ok");
  });

  it("parseReflection() ignores lines that contradict themselves or the grammar", () => {
    for (const line of [
      "10: square PEF 4 8 did double ok",
      "10: square PEF 4 6 did square bad",
      "10: square PEF 4 8 did double",
      "10: square PEF four 8 did double bad",
      "10: square PEF 1 2 3 4 did double bad",
      "10: square PEF bad",
      "10: screen FIG did unclear ok",
      "10: square",
    ]) {
      const read = format.parseReflection(
        `${line} 20: subtract MIP 3 1 8 did subtract ok`,
        view,
        "eos",
      );
      assert.deepEqual(read.tags, [{ entry: "sai-00003", sign: "helpful" }], line);
      assert.strictEqual(read.parse, "repaired", line);
    }
  });

  it("parseReflection() does not take unmeasured lines for verdicts, when others are measured", () => {
    const reply = "10: square PEF ok 20: subtract ZUB 3 8 1 did add bad insight none";
    assert.deepEqual(tags(reply, view), [{ entry: "sai-00002", sign: "harmful" }]);
  });

  it("parseReflection() tells how reading went", () => {
    const parse = (reply: string, stop: "eos" | "max_tokens" = "eos") =>
      format.parseReflection(reply, view, stop).parse;
    assert.strictEqual(parse(""), "empty");
    assert.strictEqual(parse("PEF PEF PEF"), "malformed");
    assert.strictEqual(parse("10: square PEF 4 8 did double bad"), "repaired");
    assert.strictEqual(parse(diagnosis, "max_tokens"), "truncated");
    assert.strictEqual(parse("error 20: insight double is PEF"), "repaired");
    assert.strictEqual(parse("insight double is PEF extra"), "malformed");
  });
});

describe("compactFormat.parseOperations()", () => {
  const read = (reply: string) => format.parseOperations(reply, "eos");
  const added = (text: string) => [
    { _tag: "Add" as const, section: "STRATEGIES & INSIGHTS", text },
  ];

  it("parseOperations() adds what the reply says is missing", () => {
    assert.deepEqual(read("double ROK JAL ADD double is PEF"), {
      operations: added("double is PEF"),
      parse: "ok",
    });
    assert.deepEqual(read("double empty ADD double is PEF"), {
      operations: added("double is PEF"),
      parse: "ok",
    });
  });

  it("parseOperations() adds nothing, when the lesson is there or there is none", () => {
    assert.deepEqual(read("double PEF none"), { operations: [], parse: "ok" });
    assert.deepEqual(read("none"), { operations: [], parse: "ok" });
  });

  it("parseOperations() refuses replies outside the grammar", () => {
    for (const reply of [
      "double",
      "double none",
      "double PEF ADD double is PEF",
      "double ROK ADD halve is PEF",
      "double ADD double is PEF",
      "double empty ROK ADD double is PEF",
      "double empty ADD double PEF",
      "double empty ADD double is PEF PEF",
      "ADD double is PEF",
    ]) {
      assert.deepEqual(read(reply), { operations: [], parse: "malformed" }, reply);
    }
    assert.deepEqual(read(" "), { operations: [], parse: "empty" });
    assert.deepEqual(format.parseOperations("double empty ADD double is PEF", "max_tokens"), {
      operations: [],
      parse: "truncated",
    });
  });
});

describe("compactFormat replies", () => {
  it("parseAction() makes one line of a reply", () => {
    assert.deepEqual(format.parseAction(" 10: square  PEF\n", "max_tokens"), {
      content: "10: square PEF",
      stop: "max_tokens",
    });
  });

  it("every parser is total, when replies are random words and bytes", () => {
    const random = makeRandom("compact-garbage");
    const vocabulary = [
      ..."10: 20: square double PEF ZUB did unclear ok bad insight is none error empty ADD 4 8".split(
        " ",
      ),
      "\0",
      "\ud800",
      "<end>",
      "{",
      "9".repeat(40),
    ];
    const view = viewOf("square is PEF", "double is PEF");
    const known = new Set(view.entries.map((entry) => entry.id));
    for (let round = 0; round < 5000; round++) {
      const reply = Array.from({ length: random.int(24) }, () => random.pick(vocabulary)).join(" ");
      const stop = random.pick(["eos", "max_tokens", "stop_string", "aborted"] as const);
      const reflection = format.parseReflection(reply, view, stop);
      assert.isTrue(reflection.tags.every((tag) => known.has(tag.entry)));
      for (const operation of format.parseOperations(reply, stop).operations) {
        assert.strictEqual(operation._tag, "Add");
      }
      format.parseAction(reply, stop);
    }
    const endless = "10: square PEF 4 8 did double bad ".repeat(50_000);
    assert.strictEqual(format.parseReflection(endless, view, "max_tokens").parse, "truncated");
  });
});
