/** `resd plan`: what a run will take of memory and time, before any weights are read. */
import { Compute, RunSeed } from "@resd/core";
import type { RunPlan } from "@resd/engine";
import { loadPlugins, type Override, planConfig, pluginLayer, withModelFolder } from "@resd/run";
import { Console, Effect, type Option } from "effect";
import { hostLayer } from "./host.ts";
import { productSpeed } from "./product_speed.ts";
import { nameEnvironment } from "./demand_reader.ts";
import { readDefinition } from "./read_definition.ts";

export interface PlanInput {
  readonly file: Option.Option<string>;
  readonly json: boolean;
  readonly overrides: ReadonlyArray<Override>;
}

/** Operations a second at large products, and bytes a second that one row reads of a matrix. */
interface Speed {
  readonly operations: number;
  readonly bytes: number;
}

const SIZE = 512;
const WIDTH = 4096;

const speedOf = Effect.gen(function* () {
  const operations = yield* productSpeed(SIZE);
  // One row by a matrix: two operations for every number of four bytes.
  return { operations, bytes: 2 * (yield* productSpeed(WIDTH, 1)) } satisfies Speed;
});

/** Seconds that products alone take: a step takes these, and about a third more. */
const secondsOf = ({ update, generation }: RunPlan, speed: Speed) => ({
  update: update.operations / speed.operations,
  generation: generation.operations / speed.operations + generation.weightBytesRead / speed.bytes,
});

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

const seconds = (value: number): string =>
  value < 10
    ? `${value.toPrecision(2)} s`
    : value < 600
      ? `${value.toFixed(0)} s`
      : `${(value / 60).toFixed(0)} min`;

/** The plan for people. */
export const planText = (plan: RunPlan, time: ReturnType<typeof secondsOf>): string => {
  const { memory, update, generation, largest } = plan;
  const line = (name: string, value: string) => `${name.padEnd(14)}${value}`;
  const bytes = (name: string, value: number) => line(name, mebibytes(value).padStart(10));
  const twice = update.checkpoint ? ", every block computed twice" : "";
  return [
    line("parameters", plan.parameters.toLocaleString("en")),
    "",
    bytes("weights", memory.weights),
    bytes("optimizer", memory.optimizer),
    bytes("teacher", memory.teacher),
    bytes("gradients", memory.gradients),
    bytes("activations", memory.activations),
    bytes("cache", memory.cache),
    bytes("packed", memory.packed),
    bytes("process", memory.process),
    `${bytes("most at once", memory.peak)} of ${mebibytes(memory.budget)}`,
    "",
    line(
      "update",
      `${update.microBatches} micro-batches of up to ${update.microBatchTokens} tokens, logits of ${update.logitRows} rows at once${twice}: about ${seconds(time.update)}`,
    ),
    line(
      "generation",
      `${generation.rowsTogether} rows together: about ${seconds(time.generation)} for a batch`,
    ),
    line(
      "largest array",
      `${largest.name} [${largest.shape.join(", ")}], ${mebibytes(largest.bytes)}`,
    ),
  ].join("\n");
};

export const plan = Effect.fnUntraced(
  function* ({ file, json, overrides }: PlanInput) {
    const { resolved: given, layers } = yield* readDefinition(file, overrides);
    const asked = { ...given, config: { ...given.config, trackers: [] } };
    yield* nameEnvironment(asked.config);
    const plugins = yield* loadPlugins(asked, layers, ["compute"]);
    const { config } = yield* withModelFolder(asked);
    const parts = { config, plugins, layers, listeners: [] };
    const compute = layers.compute ?? pluginLayer<Compute>(parts, "compute");
    const [found, speed] = yield* Effect.all([planConfig(config), speedOf]).pipe(
      Effect.provide(compute),
      Effect.provideService(RunSeed, config.seed),
    );
    const time = secondsOf(found, speed);
    yield* Console.log(
      json ? JSON.stringify({ ...found, seconds: time, speed }) : planText(found, time),
    );
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
