/** Whether the parts of a run fit together: asked once, before the first update, and answered with all faults at once. */
import { Environment, Format, Policy, Reflector, distillOf, rewardOf } from "@resd/core";
import { checkObjective, unmetNeeds } from "@resd/objectives";
import { Effect } from "effect";
import type { ResdConfig } from "./config.ts";
import { ResdError } from "./error.ts";
import { usesTeacher } from "./signal.ts";

/** Something a run may do, but its user should know. */
export interface Warning {
  readonly code: "biased-sampling" | "best-picked-on-held-out" | "no-siblings";
  readonly message: string;
}

/** Values that contradict each other, whatever the parts are. */
const contradictions = (config: ResdConfig): ReadonlyArray<string> => {
  const faults: Array<string> = [];
  if (config.updates === undefined && config.epochs === undefined && !config.singlePass) {
    faults.push("Expected updates, epochs or both, got neither; say when the run ends");
  }
  if (usesTeacher(config.objective) && !Object.values(config.sections).some((on) => on)) {
    faults.push(
      "Expected at least one section for the teacher, got none; switch one of sections on, or the teacher reads what the student reads",
    );
  }
  if (config.goldSolution === true && !usesTeacher(config.objective)) {
    faults.push(
      `Expected an objective with a teacher to show gold solutions to, got ${config.objective._tag}; leave goldSolution out`,
    );
  }
  if (config.goldSolution === true && !config.sections.solution) {
    faults.push(
      "Expected the section solution for gold solutions, got it switched off; set sections.solution to true or leave goldSolution out",
    );
  }
  const distill = distillOf(config.objective);
  if (config.evaluation.teacher && distill === undefined) {
    faults.push(
      `Expected a distillation objective to measure a teacher with, got ${config.objective._tag}; set evaluation.teacher to false`,
    );
  }
  if (config.evaluation.teacher && distill?.teacher._tag === "trust-region") {
    faults.push(
      "Expected a teacher with weights of its own to measure, got the teacher rule trust-region, which mixes the logits of two models; set evaluation.teacher to false",
    );
  }
  const { select, train, evaluate } = config.splits;
  if (select !== undefined && (select === train || select === evaluate)) {
    faults.push(
      `Expected tasks of their own to choose the best policy by, got ${select}, at splits.select, which is also trained or reported on; name a third split, or leave it out`,
    );
  }
  if (select !== undefined && config.evaluation.keepBest === undefined) {
    faults.push(
      "Expected a best policy to choose, got splits.select without evaluation.keepBest; set keepBest, or leave splits.select out",
    );
  }
  if (config.evaluation.patience !== undefined && config.evaluation.keepBest === undefined) {
    faults.push(
      "Expected a measure to be patient about, got evaluation.patience without evaluation.keepBest; set keepBest, or leave patience out",
    );
  }
  if (config.studentPlaybook !== undefined && config.playbook === "none") {
    faults.push(
      "Expected a playbook to show to the student, got playbook none; leave studentPlaybook out",
    );
  }
  try {
    checkObjective(config.objective);
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  }
  return faults;
};

/**
 * Refuses a composition that could not work, naming both sides of every misfit, and returns what is to be warned of.
 *
 * Fails with reason `configuration` when values contradict each other, else with `incompatible`.
 */
export const requireCompatible = Effect.fn("resd.requireCompatible")(function* (
  config: ResdConfig,
): Effect.fn.Return<ReadonlyArray<Warning>, ResdError, Environment | Policy | Reflector | Format> {
  const { manifest } = yield* Environment;
  const { info, capabilities } = yield* Policy;
  const reflector = yield* Reflector;
  const format = yield* Format;
  const policyName = `policy ${info.model} on ${info.backend}`;

  const contradicting = contradictions(config);
  if (contradicting.length > 0) {
    return yield* new ResdError({ reason: "configuration", message: contradicting.join("\n") });
  }

  const misfits = unmetNeeds(config.objective, capabilities).map(
    (need) => `Objective ${config.objective._tag} ${need} (${policyName})`,
  );
  if (config.clipNorm !== undefined && !capabilities.gradClip) {
    misfits.push(
      `clipNorm ${config.clipNorm} needs gradient clipping, ${policyName} has none: leave clipNorm out`,
    );
  }
  if (config.reflect && reflector.freeText && !format.freeText) {
    misfits.push(
      `The reflector writes prose, prompt format ${format.id} has no free text: choose a reflector without prose, or a model with format chat`,
    );
  }
  for (const [use, split] of Object.entries(config.splits)) {
    if (manifest.splits[split] === undefined) {
      misfits.push(
        `splits.${use} asks for ${split}, environment ${manifest.id} has ${Object.keys(manifest.splits).join(", ")}: name one of these`,
      );
    }
  }
  if (config.evaluation.teacher && manifest.feedback.leakage === "answer") {
    misfits.push(
      `evaluation.teacher shows the playbook on held-out tasks, feedback of environment ${manifest.id} gives answers away: set evaluation.teacher to false`,
    );
  }
  if (config.goldSolution === true && !manifest.gold) {
    misfits.push(
      `goldSolution shows the teacher each task's gold solution, environment ${manifest.id} has none: leave goldSolution out, or choose a method without it`,
    );
  }
  if (misfits.length > 0) {
    return yield* new ResdError({ reason: "incompatible", message: misfits.join("\n") });
  }

  const warnings: Array<Warning> = [];
  const { temperature, topP, topK } = config.sampling.rollout;
  if (temperature !== 1 || topP !== 1 || topK !== 0) {
    warnings.push({
      code: "biased-sampling",
      message: `Rollouts are drawn with temperature ${temperature}, top-p ${topP} and top-k ${topK}, but ${policyName} records and trains log-probs of its full distribution: importance ratios and the expectation of objective ${config.objective._tag} are biased. The paper's presets keep top-p 0.95 for comparability; sampling.rollout with temperature 1, topP 1, topK 0 is unbiased`,
    });
  }
  if (config.evaluation.keepBest !== undefined && config.splits.select === undefined) {
    warnings.push({
      code: "best-picked-on-held-out",
      message: `The best policy is chosen by the tasks that it is reported on (splits.evaluate ${config.splits.evaluate}), so its result there is too good: the best of several noisy measurements always is. Name other tasks in splits.select to choose by`,
    });
  }
  if (rewardOf(config.objective) !== undefined && config.rolloutsPerPrompt === 1) {
    warnings.push({
      code: "no-siblings",
      message: `Objective ${config.objective._tag} compares the rollouts of a prompt, and rolloutsPerPrompt is 1: every advantage is the attempt's own reward, so failures teach nothing by it. Its authors take 8`,
    });
  }
  return warnings;
});
