/** What tests plan with: files in a folder that is gone afterwards, and models that need not be there. */
import { NodeServices } from "@effect/platform-node";
import { RunHost } from "@resd/run";
import { Effect, FileSystem, Layer } from "effect";
import type { Planning } from "./plan.ts";
import { readMatrix } from "./read_matrix.ts";

const host = Layer.succeed(RunHost, {
  facts: {
    command: [],
    startedAt: "",
    versions: {},
    hardware: { platform: "", processor: "", cores: 1, memoryBytes: 1 },
  },
  importModule: (path) => import(path) as Promise<unknown>,
  findPackage: () => undefined,
  knownPackages: [],
});

export const planningServices = Layer.merge(NodeServices.layer, host);

/** Every file has its path as a fingerprint. */
export const planning: Planning = { below: [], cells: "cells", fingerprint: Effect.succeed };

/** Reads the first of these files; each is text, or what JSON makes of it. */
export const matrixFrom = Effect.fnUntraced(function* (files: Readonly<Record<string, unknown>>) {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* fs.makeTempDirectoryScoped();
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    yield* fs.writeFileString(`${folder}/${name}`, text);
  }
  return yield* readMatrix(`${folder}/${Object.keys(files)[0]}`);
}, Effect.scoped);
