/** One question, one answer, and words about what was wrong. Put your tasks, your problem text and your grader in their places. */
import { questions, unreadable } from "@resd/env-kit";

/** A task: what is to be paid, and the coins there are. It has to survive JSON. */
interface Purse {
  readonly amount: number;
  readonly coins: ReadonlyArray<number>;
}

/** The fewest coins, found by finding them for every smaller amount first. */
const fewestCoins = ({ amount, coins }: Purse): ReadonlyArray<number> => {
  const best: Array<ReadonlyArray<number>> = [[]];
  for (let sum = 1; sum <= amount; sum++) {
    const ways = coins.flatMap((coin) => (coin <= sum ? [[coin, ...best[sum - coin]!]] : []));
    best.push(ways.reduce((one, other) => (other.length < one.length ? other : one)));
  }
  return best[amount]!;
};

export const { manifest, Options, layer } = questions({
  id: "sample-env",
  license: "Apache-2.0",
  // All randomness comes from `random`: the same seed gives the same tasks.
  draw: (random): Purse => ({
    amount: 20 + random.int(80),
    coins: [1, ...random.sample([4, 5, 7, 9, 12, 15, 20, 25], 3).toSorted((a, b) => a - b)],
  }),
  problem: ({ amount, coins }) =>
    `There are coins of ${coins.join(", ")}. Pay ${amount} with as few as you can. Answer with the coins, joined by +.`,
  // An answer that is right: with it the laws can show that the grader works.
  gold: (purse) => fewestCoins(purse).join(" + "),
  read: (text) =>
    /^\d{1,4}(\s*\+\s*\d{1,4}){0,99}$/.test(text)
      ? text.split("+").map(Number)
      : unreadable("Expected coins joined by +, such as 5 + 1 + 1."),
  // `true` is right, a sentence says what is wrong, a reward between 0 and 1 is half of the way.
  grade: (paid, purse) => {
    const unknown = paid.find((coin) => !purse.coins.includes(coin));
    if (unknown !== undefined) return `There is no coin of ${unknown}.`;
    const sum = paid.reduce((total, coin) => total + coin, 0);
    if (sum !== purse.amount) return `That makes ${sum}, not ${purse.amount}.`;
    return (
      paid.length === fewestCoins(purse).length || {
        reward: 0.5,
        feedback: `The amount is right, but it takes fewer than ${paid.length} coins.`,
      }
    );
  },
});
