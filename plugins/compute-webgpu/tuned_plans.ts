/**
 * What was measured of products on an adapter, in a file of the user's cache: kernels round differently, so a machine that
 * keeps the file keeps its numbers. A file that cannot be read, or is of other kernels, is as good as none, and is replaced.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Schema } from "effect";
import type { AdapterInfo } from "./adapters.ts";
import { planNamed, planName, type ProductPlan } from "./product_plan.ts";

/** To be raised when a kernel of products changes so much that measurements of it are worth nothing. */
const KERNELS = 1;

const Content = Schema.Struct({
  kernels: Schema.Literal(KERNELS),
  adapter: Schema.String,
  /** Names of plans by class. */
  plans: Schema.Record(Schema.String, Schema.String),
});

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Content));

/** Everything by which adapters and their drivers differ. */
const identity = (adapter: AdapterInfo): string =>
  [adapter.vendor, adapter.architecture, adapter.device, adapter.name, adapter.description]
    .concat(adapter.backend)
    .join("; ");

/** The file of an adapter, in XDG_CACHE_HOME or ~/.cache. */
export const tunedPath = (adapter: AdapterInfo, folder?: string): string => {
  const given = process.env["XDG_CACHE_HOME"];
  const cache = given === undefined || given === "" ? join(homedir(), ".cache") : given;
  const key = createHash("sha256").update(identity(adapter)).digest("hex").slice(0, 16);
  return join(folder ?? join(cache, "resd", "webgpu"), `products-${key}.json`);
};

/** Plans by class; empty where nothing was measured. */
export const readTuned = async (
  path: string,
  adapter: AdapterInfo,
): Promise<Map<string, ProductPlan>> => {
  try {
    const content = decode(await readFile(path, "utf8"));
    if (content.adapter !== identity(adapter)) return new Map();
    return new Map(
      Object.entries(content.plans).flatMap(([name, plan]) => {
        const known = planNamed(plan);
        return known === undefined ? [] : [[name, known] as const];
      }),
    );
  } catch {
    return new Map();
  }
};

/** Adds plans to those of the file, whole or not at all; what another process has written meanwhile stays. */
export const writeTuned = async (
  path: string,
  adapter: AdapterInfo,
  plans: ReadonlyMap<string, ProductPlan>,
): Promise<void> => {
  const all = new Map([...(await readTuned(path, adapter)), ...plans]);
  const content: typeof Content.Type = {
    kernels: KERNELS,
    adapter: identity(adapter),
    plans: Object.fromEntries([...all].map(([name, plan]) => [name, planName(plan)])),
  };
  const temporary = `${path}.${process.pid}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(temporary, `${JSON.stringify(content, undefined, 2)}\n`);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
};
