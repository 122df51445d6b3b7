/** A budget of tokens and money that is never exceeded, however many requests are under way. */
import type { ChatApiOptions } from "./options.ts";

/** What a request uses. */
export interface Usage {
  readonly promptTokens: number;
  readonly replyTokens: number;
}

/** What was used so far. */
export interface Spent extends Usage {
  readonly requests: number;
  readonly cost: number;
}

/** Keeps account. */
export interface Budget {
  /**
   * Sets aside what a request may use at the most. Undefined when that could be more than is left; else `settle` puts what
   * it did use in its place, nothing at all for a request that was never answered.
   */
  readonly reserve: (most: Usage) => ((used: Usage | undefined) => void) | undefined;
  readonly spent: () => Spent;
}

/** A budget by the options; without limits it only counts. */
export const makeBudget = ({
  budgetTokens = Infinity,
  budgetCost = Infinity,
  promptPrice,
  replyPrice,
}: Pick<ChatApiOptions, "budgetTokens" | "budgetCost" | "promptPrice" | "replyPrice">): Budget => {
  let requests = 0;
  let promptTokens = 0;
  let replyTokens = 0;
  let reservedTokens = 0;
  let reservedCost = 0;
  const tokensOf = (usage: Usage): number => usage.promptTokens + usage.replyTokens;
  const costOf = (usage: Usage): number =>
    (usage.promptTokens * promptPrice + usage.replyTokens * replyPrice) / 1e6;
  return {
    reserve: (most) => {
      const spent = { promptTokens, replyTokens };
      const tokens = tokensOf(spent) + reservedTokens + tokensOf(most);
      const cost = costOf(spent) + reservedCost + costOf(most);
      if (tokens > budgetTokens || cost > budgetCost) return undefined;
      reservedTokens += tokensOf(most);
      reservedCost += costOf(most);
      let open = true;
      return (used) => {
        if (!open) return;
        open = false;
        reservedTokens -= tokensOf(most);
        reservedCost -= costOf(most);
        if (used === undefined) return;
        requests++;
        promptTokens += used.promptTokens;
        replyTokens += used.replyTokens;
      };
    },
    spent: () => ({
      requests,
      promptTokens,
      replyTokens,
      cost: costOf({ promptTokens, replyTokens }),
    }),
  };
};
