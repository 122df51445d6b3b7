/** Probes from a file: one a line, each a question with its answer or a text to score. */
import { Probe } from "@resd/core";
import { Effect, FileSystem, type PlatformError, Schema } from "effect";
import { type ConfigError, configError } from "./config_error.ts";
import type { RunConfig } from "./run_config.ts";

/** Where a model folder keeps the probes that go with it. */
const IN_MODEL_FOLDER = "probes.jsonl";

/** The file of probes that a configuration asks for: one by name, or the model's own; undefined for none. */
export const probesFile = ({
  model,
  probes = false,
}: Pick<RunConfig, "model" | "probes">): string | undefined =>
  probes === false ? undefined : probes === true ? `${model}/${IN_MODEL_FOLDER}` : probes;

/** Keys of both kinds of probes, so that a misspelt one is not silently another kind. */
const decodeProbe = Schema.decodeUnknownEffect(Schema.fromJsonString(Probe), {
  errors: "all",
  onExcessProperty: "error",
});

/** Reads the probes that a configuration asks for, none for none. Fails with a ConfigError that names each bad line. */
export const readProbes = Effect.fn("readProbes")(function* (
  config: Pick<RunConfig, "model" | "probes">,
): Effect.fn.Return<
  ReadonlyArray<Probe>,
  ConfigError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const file = probesFile(config);
  if (file === undefined) return [];
  const fs = yield* FileSystem.FileSystem;
  const refuse = (...messages: ReadonlyArray<string>) =>
    configError(messages.map((message) => ({ path: "probes", source: file, message })));
  if (!(yield* fs.exists(file))) {
    return yield* refuse(
      `Expected a file of probes, got none, at ${file}; name one (--probes=<file>.jsonl), or leave probes out`,
    );
  }
  const lines = (yield* fs.readFileString(file)).split("\n");
  const faults: Array<string> = [];
  const probes: Array<Probe> = [];
  const seen = new Map<string, number>();
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const at = `${file}:${i + 1}`;
    const decoded = yield* Effect.exit(decodeProbe(line));
    if (decoded._tag === "Failure") {
      faults.push(
        `Expected a question {"prompt", "answer"} or a text {"continuation"}, got something else, at ${at}; docs/evaluation.md shows every key`,
      );
      continue;
    }
    const probe = { id: `line ${i + 1}`, ...decoded.value };
    const name = `${probe.ability ?? ""} ${probe.id}`;
    const other = seen.get(name);
    if (other !== undefined) {
      faults.push(
        `Expected an id of its own for each probe, got ${probe.id} again, at ${at} and line ${other}; rename one`,
      );
    }
    seen.set(name, i + 1);
    probes.push(probe);
  }
  if (faults.length > 0) return yield* refuse(...faults);
  if (probes.length === 0) {
    return yield* refuse(`Expected at least one probe, got none, at ${file}; leave probes out`);
  }
  return probes;
});
