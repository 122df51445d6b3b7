import { emptyView, makeRandom } from "@resd/core";
import {
  LEVELS,
  pairingsOf,
  planText,
  randomConvention,
  randomPlan,
} from "@resd/env-kestrel/language";
import { assert, describe, it } from "vitest";
import { compactFormat } from "@resd/resd";
import { drawAttempt, drawFailure, drawSuccess, feedbackOf } from "./documents_attempts.ts";
import { type VisibleAttempt, curate, reflect } from "./oracle.ts";

const plan = "10: square 20: subtract 3 30: subtract 3 40: screen";
const attempt = "10: square PEF 20: subtract ZUB 3 30: subtract MIP 3 40: screen FIG";
const failed: VisibleAttempt = {
  plan,
  attempt,
  feedback: "test x 4 want 0 screen got 8 screen trace 4 8 1 8",
};

const emptyEntry = {
  section: "insights",
  helpful: 0,
  harmful: 0,
  createdAt: 0,
  lastTaggedAt: 0,
};

describe("reflect", () => {
  it("reflect() works out what each line did, and the lesson of the first bad line that is clear", () => {
    assert.strictEqual(
      reflect(failed).text,
      "10: square PEF 4 8 did double bad 20: subtract ZUB 3 8 1 did add bad " +
        "30: subtract MIP 3 1 8 did subtract ok 40: screen FIG did screen ok insight double is PEF",
    );
  });

  it("reflect() calls a line unclear when several operations fit, and ok when the wanted one is among them", () => {
    assert.strictEqual(
      reflect({
        plan: "10: square 20: distance 4 30: screen",
        attempt: "10: square JAL 20: distance NIB 4 30: screen DAB",
        feedback: "test x 8 want 0 screen got 4 radio trace 8 4 4",
      }).text,
      // 8 to 4 is halve or square; 4 and 4 to 4 is at-least, at-most or average, but no distance.
      "10: square JAL 8 4 did unclear ok 20: distance NIB 4 4 4 did unclear bad " +
        "30: screen DAB did radio bad insight radio is DAB",
    );
  });

  it("reflect() takes the first clear good line when no bad one is clear", () => {
    assert.strictEqual(
      reflect({
        plan: "10: distance 4 20: disk",
        attempt: "10: distance NIB 4 20: disk OUX",
        feedback: "test x 4 want 0 disk got 4 disk trace 4 4",
      }).text,
      "10: distance NIB 4 4 4 did unclear bad 20: disk OUX did disk ok insight disk is OUX",
    );
  });

  it("reflect() wants nothing of a line beyond the plan, and calls it bad", () => {
    assert.strictEqual(
      reflect({
        plan: "10: flip 20: disk",
        attempt: "10: flip JAL 20: flip JAL 30: disk OUX",
        feedback: "test x 1 want 8 disk got 1 disk trace 1 8 1",
      }).text,
      "10: flip JAL 1 8 did flip ok 20: disk JAL 8 1 did flip bad 30: none OUX did disk bad insight flip is JAL",
    );
  });

  it("reflect() repeats the line of a syntax error and learns nothing", () => {
    assert.strictEqual(
      reflect({ plan, attempt: "10: square", feedback: "error 10:" }).text,
      "error 10: insight none",
    );
  });

  it("reflect() confirms every line of a pass", () => {
    assert.deepStrictEqual(
      reflect({
        plan: "10: flip 20: disk",
        attempt: "10: flip JAL 20: disk OUX",
        feedback: "pass",
      }),
      {
        text: "10: flip JAL ok 20: disk OUX ok insight none",
        tags: [
          { pairing: "flip is JAL", sign: "helpful" },
          { pairing: "disk is OUX", sign: "helpful" },
        ],
      },
    );
  });

  it("reflect() tags what is refuted harmful and what is certain helpful, and leaves the rest alone", () => {
    assert.deepStrictEqual(
      reflect({
        plan: "10: square 20: distance 4 30: halve 40: screen",
        attempt: "10: square JAL 20: distance NIB 4 30: halve ROK 40: screen DAB",
        feedback: "test x 8 want 0 screen got 2 screen trace 8 4 4 2",
      }).tags,
      [
        { pairing: "distance is NIB", sign: "harmful" },
        { pairing: "halve is ROK", sign: "helpful" },
        { pairing: "screen is DAB", sign: "helpful" },
      ],
    );
  });

  it("reflect() writes what the compact format reads back as the same tags and the same insight", () => {
    const random = makeRandom("read back");
    for (let i = 0; i < 2000; i++) {
      const convention = randomConvention(random);
      const task = randomPlan(random, random.pick(LEVELS));
      const { attempt: words, feedback } = (i % 3 === 0 ? drawSuccess : drawFailure)(
        random,
        task,
        convention,
      );
      const oracle = reflect({
        plan: planText(task),
        attempt: words.join(" "),
        feedback: feedback.join(" "),
      });
      const entries = [...new Set(oracle.tags.map((tag) => tag.pairing))].map((text) => ({
        ...emptyEntry,
        id: text,
        text,
      }));
      const read = compactFormat.parseReflection(oracle.text, { ...emptyView, entries }, "eos");
      assert.strictEqual(read.parse, "ok", oracle.text);
      assert.strictEqual(read.insight, oracle.insight);
      assert.deepStrictEqual(
        read.tags.map((tag) => ({ pairing: tag.entry, sign: tag.sign })),
        oracle.tags.map((tag) => ({ ...tag })),
      );
    }
  });

  it("reflect() throws when the feedback cannot be about the attempt", () => {
    assert.throws(() => reflect({ ...failed, attempt: "10: square" }), /Expected feedback that/);
    assert.throws(() => reflect({ ...failed, feedback: "hello" }), /Expected feedback that/);
  });

  it("reflect() writes only lessons, good words and bad words that are true of the chip", () => {
    const random = makeRandom("truth");
    for (let i = 0; i < 3000; i++) {
      const convention = randomConvention(random);
      const task = randomPlan(random, random.pick(LEVELS));
      const program = drawAttempt(random, task, convention, random.next(), 0).join(" ");
      const feedback = feedbackOf(task, program, convention);
      const read = reflect({ plan: planText(task), attempt: program, feedback });
      const truth = new Set(pairingsOf(convention));
      if (feedback === "pass") continue; // lucky programs pass with wrong words
      assert.isTrue(read.insight !== undefined && truth.has(read.insight));
      for (const { pairing, sign } of read.tags) {
        assert.strictEqual(truth.has(pairing), sign === "helpful", `${pairing} ${sign}`);
      }
    }
  });
});

describe("curate", () => {
  const playbook = ["square is ROK", "add is ZUB", "square is PEF"];
  it.each([
    ["square is PEF", "square ROK PEF none"],
    ["square is SUD", "square ROK PEF none"],
    ["flip is JAL", "flip empty ADD flip is JAL"],
    [undefined, "none"],
  ])("curate() answers %s with %s", (insight, reply) => {
    assert.strictEqual(curate(playbook, insight), reply);
  });
});
