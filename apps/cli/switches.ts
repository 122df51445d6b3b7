/** Values of the configuration that are true or false: a flag for one of them says it by itself. */

/** They stand here so that reading a command line loads no schema; a test compares them with the schema. */
export const SWITCHES: ReadonlySet<string> = new Set([
  "lora.use_rslora",
  "lora.use_dora",
  "thinking",
  "resd.singlePass",
  "resd.objective.normalize",
  "resd.objective.reward.normalize",
  "resd.sections.playbook",
  "resd.sections.attempt",
  "resd.sections.feedback",
  "resd.sections.reflection",
  "resd.sections.solution",
  "resd.feedbackBesideSolution",
  "resd.ownSolution",
  "resd.goldSolution",
  "resd.successWeights",
  "resd.solutionBuffer",
  "resd.reflect",
  "resd.concise.afterCuration",
  "resd.successTagging",
  "resd.deduplicate",
  "resd.dropExactDuplicates",
  "resd.evaluation.teacher",
]);

/** Whether a value is true or false, in the configuration or in what a schedule changes of it later. */
export const isSwitch = (path: string): boolean =>
  SWITCHES.has(path.replace(/^resd\.schedule\.next\./, "resd."));

/** A switch that may also name a file of probes. */
const PROBES = "probes";

/** What a switch can be besides on. */
const isTruth = (word: string): boolean => /^(true|false|null)$/.test(word);

/**
 * Whether a word behind a flag is the flag's value. A switch takes a word only where it can be meant: in
 * `eval --probes runs/mine` the folder is what is to be measured. Every other value needs the word.
 */
export const takesWord = (path: string, word: string): boolean => {
  if (path === PROBES) return isTruth(word) || word.endsWith(".jsonl");
  return !isSwitch(path) || isTruth(word);
};
