import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { makeBudget } from "./budget.ts";
import { retryAfterMillis } from "./chat_client.ts";

describe("makeBudget", () => {
  it("makeBudget() never lets questions use more than there is, whatever is under way", () => {
    const random = makeRandom("budget");
    for (let round = 0; round < 300; round++) {
      const budgetTokens = 100 + random.int(2000);
      const budgetCost = random.next() * 0.01;
      const budget = makeBudget({ budgetTokens, budgetCost, promptPrice: 3, replyPrice: 5 });
      const open: Array<{ settle: () => void }> = [];
      for (let step = 0; step < 60; step++) {
        const most = { promptTokens: random.int(300), replyTokens: random.int(300) };
        const settle = budget.reserve(most);
        if (settle !== undefined) {
          const used = {
            promptTokens: random.int(most.promptTokens + 1),
            replyTokens: random.int(most.replyTokens + 1),
          };
          open.push({ settle: () => settle(random.next() < 0.1 ? undefined : used) });
        }
        if (random.next() < 0.5) open.splice(random.int(open.length || 1), 1)[0]?.settle();
        const { promptTokens, replyTokens, cost } = budget.spent();
        assert.isAtMost(promptTokens + replyTokens, budgetTokens);
        assert.isAtMost(cost, budgetCost + 1e-12);
      }
    }
  });

  it("makeBudget() counts without limits, and settles a question once", () => {
    const budget = makeBudget({ promptPrice: 1, replyPrice: 2 });
    const settle = budget.reserve({ promptTokens: 1e9, replyTokens: 1e9 });
    settle?.({ promptTokens: 10, replyTokens: 5 });
    settle?.({ promptTokens: 10, replyTokens: 5 });
    assert.deepEqual(budget.spent(), {
      requests: 1,
      promptTokens: 10,
      replyTokens: 5,
      cost: 20 / 1e6,
    });
  });
});

describe("retryAfterMillis", () => {
  it.each([
    ["2", 2000],
    ["0.5", 500],
    ["-3", 0],
    ["Thu, 01 Jan 1970 00:00:10 GMT", 9000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["soon", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("retryAfterMillis() reads %s as %s ms", (header, millis) => {
    assert.strictEqual(retryAfterMillis(header, 1000), millis);
  });
});
