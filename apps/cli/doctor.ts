/** `resd doctor`: looks at everything that a run needs, and says how to mend what is missing. */
import { accessSync, constants, existsSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join, resolve } from "node:path";
import { Compute, Environment, RunSeed } from "@resd/core";
import {
  CUSTOM,
  LEXICAL,
  type Override,
  type RunConfig,
  SLOTS,
  type Slot,
  environmentLayer,
  loadPlugins,
  modelAndAdapter,
  modelFolder,
  pluginLayer,
} from "@resd/run";
import { Cause, Console, Effect, Exit, type Option, Schema } from "effect";
import { gpus } from "./gpus.ts";
import { hostLayer } from "./host.ts";
import { inkFor } from "./ink.ts";
import { memoryBytes } from "./memory.ts";
import { productSpeed, shownSpeed } from "./product_speed.ts";
import { readDefinition } from "./read_definition.ts";

export interface DoctorInput {
  readonly file: Option.Option<string>;
  readonly json: boolean;
  readonly overrides: ReadonlyArray<Override>;
}

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** Node.js from which TypeScript runs as it is, with everything that the code uses. */
const LEAST_NODE = 26;
const LEAST_MEMORY = 2 * 2 ** 30;

const node = (): Finding => {
  const major = Number(process.versions.node.split(".")[0]);
  return {
    name: "Node.js",
    ok: major >= LEAST_NODE,
    detail: `${process.version} on ${process.platform}-${process.arch}`,
    ...(major >= LEAST_NODE
      ? {}
      : { fix: `start with npm start, which brings Node.js ${LEAST_NODE} along` }),
  };
};

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

const machine = (): Finding => {
  const memory = memoryBytes();
  const enough = memory >= LEAST_MEMORY;
  return {
    name: "machine",
    ok: enough,
    detail: `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ${gibibytes(memory)} memory, ${gibibytes(process.availableMemory())} free`,
    ...(enough
      ? {}
      : { fix: `the default run needs about ${gibibytes(LEAST_MEMORY)}; lower --resd.batchSize` }),
  };
};

const runFolder = (): Finding => {
  const folder = existsSync("runs") ? resolve("runs") : resolve();
  try {
    accessSync(folder, constants.W_OK);
    return { name: "run folder", ok: true, detail: `${join(folder)} can be written to` };
  } catch {
    return {
      name: "run folder",
      ok: false,
      detail: `${folder} cannot be written to`,
      fix: "give a folder that can: --run-dir <path>",
    };
  }
};

/** A check that may fail, as a finding. */
const found = <R>(
  name: string,
  fix: string,
  check: Effect.Effect<string, { readonly message: string }, R>,
): Effect.Effect<Finding, never, R> =>
  Effect.map(Effect.exit(check), (exit) => {
    if (Exit.isSuccess(exit)) return { name, ok: true, detail: exit.value };
    const error: unknown = Cause.squash(exit.cause);
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error), fix };
  });

const SIZE = 512;

/** The backend of the run, and its speed. */
const backend = Effect.gen(function* () {
  const speed = yield* productSpeed(SIZE);
  const { name, adapter, deterministic } = (yield* Compute).info;
  return `${adapter ?? name}: ${shownSpeed(speed, SIZE)}, ${deterministic ? "same bits every time" : "bits may differ between runs"}`;
});

/** Nothing is broken where there is no GPU: it is a choice. */
const NO_GPUS: Finding = {
  name: "GPUs",
  ok: true,
  detail: "none found; --compute webgpu needs one, or a software driver (docs/webgpu.md)",
};

/** The model's files belong together, and what its tokenizer encodes it decodes to the same text. */
const model = Effect.fnUntraced(function* (folder: string) {
  const { loadFolder, parameterCount } = yield* Effect.promise(() => import("@resd/models"));
  const { config, parameters } = yield* loadFolder(folder);
  yield* parameters.read(parameters.names[0]!);
  return `${folder}: ${config.model_type}, ${parameterCount(config)} parameters, ${config.max_position_embeddings} tokens of context`;
});

/** The adapter belongs to the model, new or from a folder; and whether nothing is to be said of one. */
const adapter = Effect.fnUntraced(function* ({ lora, seed, ...config }: RunConfig) {
  const folders = yield* modelAndAdapter(config);
  const { checkAdapter } = yield* Effect.promise(() => import("@resd/engine"));
  const facts = yield* checkAdapter({ ...folders, lora, seed });
  const what = `${facts?.numbers} numbers of rank ${facts?.rank} beside ${facts?.maps} maps of ${folders.folder}`;
  if (folders.adapter === undefined) return `a new one: ${what}`;
  return `${folders.adapter}: ${what}${facts?.knowsBase === true ? ", whose weights are those that it was trained on" : ""}`;
});

const MOST_PIECES = 256;

const tokenizer = Effect.fnUntraced(function* (folder: string) {
  const { loadTokenizer } = yield* Effect.promise(() => import("@resd/tokenizers"));
  const { vocabSize, controls, unknownId, decode, encodeText } = yield* loadTokenizer(folder);
  const pieces = Array.from({ length: Math.min(vocabSize, MOST_PIECES) }, (_, id) => id).filter(
    (id) => !controls.has(id) && id !== unknownId,
  );
  const text = decode(pieces);
  const again = decode(encodeText(text));
  if (again !== text) {
    const message = `Expected ${JSON.stringify(text.slice(0, 60))} after encoding and decoding, got ${JSON.stringify(again.slice(0, 60))}, at ${folder}`;
    return yield* Effect.fail({ message });
  }
  return `${vocabSize} tokens, ${controls.size} of them control tokens; a text of ${pieces.length} pieces survives the round trip`;
});

const tasks = Effect.fnUntraced(function* (splits: RunConfig["resd"]["splits"]) {
  const environment = yield* Environment;
  const sizes = yield* Effect.forEach([splits.train, splits.evaluate], (split) => {
    const source = environment.tasks(split);
    return Effect.map(source.get(0), () => `${source.size} tasks in ${split}`);
  });
  return `${environment.manifest.id}: ${sizes.join(", ")}`;
});

const shown = ({ name, ok, detail, fix }: Finding): string => {
  const ink = inkFor(process.stdout);
  const mark = ok ? ink("green", "ok    ") : ink("red", "broken");
  return [
    `${mark}  ${name.padEnd(12)}${detail}`,
    ...(ok ? [] : [`        ${"".padEnd(12)}→ ${fix}`]),
  ].join("\n");
};

/** Something is broken; the findings say what. */
class UnhealthyError extends Schema.TaggedError<UnhealthyError>()("UnhealthyError", {
  message: Schema.String,
}) {}

export const doctor = Effect.fnUntraced(
  function* (input: DoctorInput) {
    const { resolved, layers } = yield* readDefinition(input.file, input.overrides);
    const config: RunConfig = { ...resolved.config, trackers: [] };
    const parts = (slot: Slot) =>
      Effect.map(loadPlugins({ ...resolved, config }, layers, [slot]), (plugins) => ({
        config,
        plugins,
        layers,
        listeners: [],
      }));
    const seeded = Effect.provideService(RunSeed, config.seed);
    const slots = (Object.keys(SLOTS) as Array<Slot>).filter(
      (slot) =>
        !["compute", "environment", "sandbox"].includes(slot) &&
        ![CUSTOM, LEXICAL].includes(config[slot].use),
    );
    const advice = {
      plugin: "install it, or choose another: the message names what there is",
      compute: "npm install once more on this machine: the backend's binary belongs to a platform",
      gpu: "renew its driver, or choose another by --adapter",
      model:
        "give the folder of a model with config.json, model.safetensors and tokenizer.json, or a name of the hub: --model <folder or org/model>",
      adapter:
        "correct what the message names, or give the model that it was trained on: --model <folder or org/model> --lora-adapter <adapter>",
      environment: "correct its options, which the message names",
    };
    const adapters = yield* gpus;
    const located = Effect.map(modelFolder(config.model), (at) => ({ ...config, model: at }));
    const places = Effect.flatMap(located, modelAndAdapter);
    const folder = Effect.map(places, (at) => at.folder);
    const namesAdapter = places.pipe(
      Effect.map((at) => at.adapter !== undefined),
      Effect.orElseSucceed(() => false),
    );
    const adapted = config.lora !== undefined || (yield* namesAdapter);
    const findings = [
      node(),
      machine(),
      runFolder(),
      ...(yield* Effect.forEach(slots, (slot) =>
        found(
          slot,
          advice.plugin,
          Effect.map(parts(slot), ({ plugins }) => {
            const plugin = plugins.get(slot)?.found;
            return `${plugin?.package} ${plugin?.version}`;
          }),
        ),
      )),
      yield* found(
        "environment",
        advice.environment,
        Effect.flatMap(parts("environment"), (own) =>
          Effect.provide(tasks(config.resd.splits), environmentLayer(own)),
        ).pipe(seeded),
      ),
      yield* found(
        "compute",
        advice.compute,
        Effect.flatMap(parts("compute"), (own) =>
          Effect.provide(backend, layers.compute ?? pluginLayer<Compute>(own, "compute")),
        ),
      ),
      ...(adapters.length === 0
        ? [NO_GPUS]
        : yield* Effect.forEach(adapters, ({ index, detail }) =>
            found(`GPU ${index}`, advice.gpu, detail),
          )),
      yield* found("model", advice.model, Effect.scoped(Effect.flatMap(folder, model))),
      ...(adapted ? [yield* found("LoRA", advice.adapter, Effect.flatMap(located, adapter))] : []),
      yield* found("tokenizer", advice.model, Effect.flatMap(folder, tokenizer)),
    ];
    yield* Console.log(input.json ? JSON.stringify(findings) : findings.map(shown).join("\n"));
    const broken = findings.filter(({ ok }) => !ok);
    if (broken.length > 0) {
      return yield* new UnhealthyError({
        message: `Expected everything to be in order, got ${broken.length} broken: ${broken.map(({ name }) => name).join(", ")}; do what the arrows say`,
      });
    }
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
