/** README.md of an exported model: what it is, where it comes from, and what its run measured. */
import type { Evaluation } from "@resd/core";
import type { ExportedModel } from "@resd/engine";
import type { RecordedRun } from "./read_run.ts";

/** What a card says besides what the run's folder says. */
export interface CardFacts {
  readonly exported: ExportedModel;
  readonly run: Pick<RecordedRun, "config" | "summary">;
  /** `best` where the policy of the best evaluation was exported. */
  readonly which: "end" | "best";
  /** The command line that trained it. */
  readonly command: ReadonlyArray<string>;
  /** When it began to train, and with which versions. */
  readonly startedAt: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Of the model it was trained from, as that model's own card names it. */
  readonly license?: string;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A word for the shell. */
const quoted = (word: string): string =>
  /^[\w./:=@,+-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** A scalar of YAML that is read as text. */
const scalar = (text: string): string => JSON.stringify(text);

/** Models of the hub are known by a commit. */
const repositoryOf = ({ base }: ExportedModel): string | undefined =>
  base.revision === undefined ? undefined : base.base;

/** Types of models that no other program has. */
const OURS = new Set(["canon_llama"]);

const frontMatter = ({ exported, license }: CardFacts): string => {
  const { as, config } = exported;
  const repository = repositoryOf(exported);
  const lines = [
    ...(OURS.has(config.model_type)
      ? []
      : [`library_name: ${as === "adapter" ? "peft" : "transformers"}`]),
    "pipeline_tag: text-generation",
    ...(license === undefined ? [] : [`license: ${scalar(license)}`]),
    ...(repository === undefined ? [] : [`base_model: ${scalar(repository)}`]),
    "tags:",
    "  - resd",
    ...(as === "adapter" ? ["  - lora"] : []),
  ];
  return ["---", ...lines, "---"].join("\n");
};

const results = ({ run: { summary }, which }: CardFacts): ReadonlyArray<string> => {
  const { before, after } = summary.heldOut;
  const { best } = summary;
  const end = which === "best" ? best?.heldOut : after;
  const row = (name: string, of: (one: Evaluation) => number) =>
    `| ${name} | ${before === undefined ? "–" : percent(of(before))} | ${end === undefined ? "–" : percent(of(end))} |`;
  const one = end ?? before;
  if (one === undefined) return ["The run measured nothing on held-out tasks."];
  return [
    `On ${one.tasks} held-out tasks, ${one.k} samples each, from bare prompts:`,
    "",
    `| | before | ${which === "best" ? `after ${best?.update ?? 0} updates, the best of the run` : "after"} |`,
    "| --- | --- | --- |",
    row("success", ({ perTask }) => perTask),
    row("tests passed", ({ perTest }) => perTest),
    row(`success of the best of ${one.k}`, ({ bestOfK }) => bestOfK),
    ...(which === "best"
      ? [
          "",
          `It was chosen by ${best?.measure ?? "its evaluation"} on the split ${best?.split ?? "held out"}; where that is the one measured here, the numbers are too good.`,
        ]
      : []),
  ];
};

const usage = ({ exported }: CardFacts): ReadonlyArray<string> => {
  const { as, config } = exported;
  if (OURS.has(config.model_type)) {
    return [
      `\`${config.model_type}\` is Llama with a short causal convolution before the attention of every block. No other program has`,
      "this architecture: transformers, vLLM and converters to GGUF need code of their own for it. The folder has their",
      "layout and can be trained further and evaluated by the project that wrote it: `resd train --model <this folder>`.",
    ];
  }
  if (as === "adapter") {
    return [
      "```python",
      "from peft import PeftModel",
      "from transformers import AutoModelForCausalLM, AutoTokenizer",
      "",
      `model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(${JSON.stringify(repositoryOf(exported) ?? "<the folder of the base model>")}), "<this folder>")`,
      'tokenizer = AutoTokenizer.from_pretrained("<this folder>")',
      "```",
    ];
  }
  return [
    "```python",
    "from transformers import AutoModelForCausalLM, AutoTokenizer",
    "",
    'model = AutoModelForCausalLM.from_pretrained("<this folder>")',
    'tokenizer = AutoTokenizer.from_pretrained("<this folder>")',
    "```",
  ];
};

const adapterText = ({ exported, run }: CardFacts): string => {
  const lora = exported.config.lora ?? run.config.lora;
  if (exported.as === "adapter")
    return `A LoRA adapter of rank ${lora?.r ?? "?"}; the model below it is not in this folder.`;
  return exported.merged
    ? `Trained as a LoRA adapter${lora === undefined ? "" : ` of rank ${lora.r}`}, which is merged into these weights.`
    : "All parameters were trained.";
};

/** The text of the card. */
export const modelCard = (facts: CardFacts): string => {
  const { exported, run, command, startedAt, versions, license, which } = facts;
  const { config, summary } = run;
  const updates = which === "best" ? (summary.best?.update ?? summary.updates) : summary.updates;
  const episodes =
    which === "best" ? (summary.best?.interactions ?? summary.interactions) : summary.interactions;
  const program = Object.entries(versions)
    .filter(([name]) => ["resd", "node"].includes(name))
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
  return [
    frontMatter(facts),
    "",
    `# ${config.name} on ${config.environment.use}, seed ${config.seed}`,
    "",
    `A \`${exported.config.model_type}\` model of ${exported.parameters.toLocaleString("en")} parameters, trained from \`${exported.base.name}\` by RESD`,
    "([arXiv 2605.12741](https://arxiv.org/abs/2605.12741)): it tries tasks, its failures are turned into words, and the same model with",
    `those words in its prompt teaches it. ${adapterText(facts)}`,
    "",
    "## Training",
    "",
    `- environment: \`${config.environment.use}\``,
    `- method: \`${config.variant}\` on the preset \`${config.preset}\`, seed ${config.seed}`,
    `- ${updates} updates with ${episodes} attempts at training tasks; the run ${summary.outcome}`,
    `- begun ${startedAt}, ${program}`,
    "",
    "```sh",
    ["resd", ...command.map(quoted)].join(" "),
    "```",
    "",
    "## Results",
    "",
    ...results(facts),
    "",
    "## Use",
    "",
    ...usage(facts),
    "",
    "## Licence",
    "",
    license === undefined
      ? `The folder of \`${exported.base.name}\` does not say under which licence that model is, and a model trained from it is under the same terms: find out before you pass it on.`
      : `That of \`${exported.base.name}\`, from which it was trained: ${license}.`,
    "",
  ].join("\n");
};
