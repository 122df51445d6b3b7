/** Countdown: some numbers, and another one to reach from them by arithmetic. */
import type { Random } from "@resd/core";
import { unreadable } from "@resd/env-kit";
import { type Level, part, type Puzzle } from "./puzzle.ts";

interface Task {
  readonly numbers: ReadonlyArray<number>;
  readonly target: number;
  readonly solution: string;
}

const COUNT = { easy: 3, medium: 4, hard: 6 } as const;
const LARGEST = 600;

/** Joins two random terms by a random operation until one is left: its value is the target. */
const draw = (random: Random, level: Level): Task => {
  const numbers = Array.from(
    { length: COUNT[level] },
    () => 1 + random.int(random.next() < 0.2 ? 99 : 12),
  );
  let terms = numbers.map((value) => ({ value, text: String(value) }));
  while (terms.length > 1) {
    const [a, b, ...rest] = random.shuffle(terms);
    const values = { "-": a!.value - b!.value, "*": a!.value * b!.value, "/": a!.value / b!.value };
    const fitting = Object.entries(values).filter(
      ([, value]) => Number.isInteger(value) && value > 0 && value <= LARGEST,
    );
    const [sign, value] = random.pick([["+", a!.value + b!.value] as const, ...fitting]);
    terms = [...rest, { value, text: `(${a!.text} ${sign} ${b!.text})` }];
  }
  const { value, text } = terms[0]!;
  return { numbers, target: value, solution: text.slice(1, -1) };
};

/** The value of an expression; NaN for what is none, an infinity for a division by zero. */
const evaluate = (tokens: ReadonlyArray<string>): number => {
  let at = 0;
  const factor = (): number => {
    const token = tokens[at++] ?? "";
    if (token !== "(") return /^\d/.test(token) ? Number(token) : Number.NaN;
    const inner = sum();
    return tokens[at++] === ")" ? inner : Number.NaN;
  };
  const product = (): number => {
    let value = factor();
    while (tokens[at] === "*" || tokens[at] === "/") {
      value = tokens[at++] === "*" ? value * factor() : value / factor();
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    while (tokens[at] === "+" || tokens[at] === "-") {
      value = tokens[at++] === "+" ? value + product() : value - product();
    }
    return value;
  };
  const value = sum();
  return at === tokens.length ? value : Number.NaN;
};

export const countdown: Puzzle<Task> = {
  draw,
  problem: ({ numbers, target }) => `Reach ${target} from the numbers ${numbers.join(", ")} with \
+, -, * and /. Use each number at most once; parentheses and fractions are allowed. Answer with an \
expression such as (1 + 2) * 3.`,
  gold: ({ solution }) => solution,
  grade: (answer, { numbers, target }) => {
    const expression = answer.replace(/=\s*\d+\s*$/, "");
    const value = evaluate(expression.match(/\d+|[^\s\d]/g) ?? []);
    if (Number.isNaN(value))
      return unreadable("Expected one expression of numbers and + - * / ( ).");
    const left = [...numbers];
    const surplus = (expression.match(/\d+/g) ?? []).filter((used) => {
      const index = left.indexOf(Number(used));
      return index < 0 || left.splice(index, 1).length === 0;
    });
    const error = value - target;
    const wrong = `The value is ${value}, ${Math.abs(error)} too ${error < 0 ? "low" : "high"}.`;
    return {
      tests: [
        part(
          "numbers",
          surplus[0] && `${surplus[0].slice(0, 20)} is not given, or used too often.`,
        ),
        part("target", Math.abs(error) < 1e-9 ? undefined : wrong),
      ],
    };
  },
};
