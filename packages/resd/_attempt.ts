/** Attempts made up for the tests of what is made of attempts. */
import { type Attempt, hashName } from "@resd/core";

/** An attempt without tokens, for tests of what is made of attempts. */
export const attemptAt = (taskKey: string, changes: Partial<Attempt> = {}): Attempt => {
  const sample = changes.sample ?? 0;
  const success = changes.success ?? false;
  return {
    id: hashName("attempt", taskKey, sample),
    taskKey,
    problem: `say ${taskKey}`,
    sample,
    initial: [{ role: "user", content: `say ${taskKey}` }],
    actions: [{ content: `${taskKey}-${sample}`, stop: "eos" }],
    results: [
      { observation: [], status: "terminated", reward: success ? 1 : 0, success, parse: "ok" },
    ],
    ids: new Int32Array(),
    from: 0,
    mask: new Uint8Array(),
    logProbs: new Float32Array(),
    reward: success ? 1 : 0,
    success,
    fraction: success ? 1 : 0,
    truncated: false,
    policyVersion: "v0",
    ...changes,
  };
};
