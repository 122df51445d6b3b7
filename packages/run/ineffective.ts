/** Values that somebody asked for and that change nothing in this combination: errors, because silence would mislead. */
import type { ConfigFault } from "./config_error.ts";
import type { Sources } from "./config_values.ts";
import { usesTeacher } from "@resd/resd";
import { CUSTOM, LEXICAL, type RunConfig, SLOTS } from "./run_config.ts";

/** Where a value stands that nobody asked for by itself: below the presets, in one, in a variant, or in the folder of an earlier run. */
export const isInherited = (source: string): boolean =>
  source === "defaults" || /^(preset|variant|run) /.test(source);

interface Rule {
  readonly path: string;
  /** Why the value changes nothing, or undefined when it does. */
  readonly because: (config: RunConfig) => string | undefined;
}

const withoutPlaybook = ({ resd }: RunConfig) =>
  resd.playbook === "none" ? "resd.playbook is none" : undefined;
const withoutReflection = ({ resd }: RunConfig) =>
  resd.reflect ? undefined : "resd.reflect is false";
const withoutWords = (config: RunConfig) => withoutReflection(config) ?? withoutPlaybook(config);
const withoutTeacher = ({ resd }: RunConfig) =>
  usesTeacher(resd.objective)
    ? undefined
    : `objective ${resd.objective._tag} reads no teacher context`;
const withoutDemonstrations = (config: RunConfig) =>
  withoutTeacher(config) ??
  (config.resd.sections.solution
    ? config.resd.goldSolution === true
      ? "resd.goldSolution is true"
      : undefined
    : "resd.sections.solution is false");
/** Cached solutions are shown to a teacher, or learned by heart. */
const withoutCache = (config: RunConfig) =>
  config.resd.objective._tag === "CrossEntropy" ? undefined : withoutDemonstrations(config);

const rules: ReadonlyArray<Rule> = [
  { path: "reflector", because: withoutReflection },
  { path: "curator", because: withoutWords },
  { path: "resd.sampling.reflect", because: withoutReflection },
  { path: "resd.concise", because: withoutWords },
  { path: "resd.operations", because: withoutWords },
  { path: "resd.successTagging", because: withoutWords },
  { path: "resd.deduplicate", because: withoutWords },
  { path: "resd.dropExactDuplicates", because: withoutWords },
  { path: "resd.nearDuplicates", because: withoutWords },
  { path: "similarity", because: withoutPlaybook },
  {
    path: "similarity.options",
    because: ({ similarity }) =>
      similarity.use === LEXICAL ? `similarity by letters and words has none` : undefined,
  },
  {
    path: "resd.concise.window",
    because: ({ resd }) =>
      resd.concise.method === "staleness"
        ? undefined
        : `only method staleness has a window, and resd.concise.method is ${resd.concise.method}`,
  },
  { path: "resd.sections", because: withoutTeacher },
  { path: "resd.limits.teacherPromptTokens", because: withoutTeacher },
  { path: "resd.ownSolution", because: withoutDemonstrations },
  { path: "resd.solutionBuffer", because: withoutCache },
  {
    path: "resd.feedbackBesideSolution",
    because: (config) =>
      withoutDemonstrations(config) ??
      (config.resd.sections.feedback ? undefined : "resd.sections.feedback is false"),
  },
  {
    path: "resd.evaluation.every",
    because: ({ resd }) =>
      resd.evaluation.at === undefined ? undefined : "resd.evaluation.at says when to evaluate",
  },
  {
    path: "resd.warmup.from",
    because: ({ resd }) => (resd.warmup.updates === 0 ? "resd.warmup.updates is 0" : undefined),
  },
  ...Object.keys(SLOTS).map((slot): Rule => ({
    path: `${slot}.options`,
    because: (config) =>
      config[slot as keyof typeof SLOTS].use === CUSTOM
        ? `the ${slot} is a layer in code`
        : undefined,
  })),
];

/** A fault for each value that was asked for in vain. Saying what holds anyway is no fault. */
export const ineffective = (
  config: RunConfig,
  sources: Sources,
  same: (path: string) => boolean,
): ReadonlyArray<ConfigFault> =>
  [...sources].flatMap(([path, source]): ReadonlyArray<ConfigFault> => {
    if (isInherited(source) || same(path)) return [];
    for (const rule of rules) {
      if (path !== rule.path && !path.startsWith(`${rule.path}.`)) continue;
      const because = rule.because(config);
      if (because === undefined) continue;
      return [
        {
          path,
          source,
          message: `Expected values that have an effect, got ${path}, at ${source}, but ${because}; leave it out`,
        },
      ];
    }
    return [];
  });
