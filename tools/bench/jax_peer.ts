/**
 * The jax-js peer: a GPU library for browsers, on Dawn in this process and on the adapter that ours computes on.
 *
 * Its arrays are counted: passing one to a function gives it away, `.ref` keeps it.
 */
import type { AdapterInfo } from "@resd/compute-webgpu/adapters";
import { Console, Effect } from "effect";
import { BenchError } from "./bench_error.ts";

type Jax = typeof import("@jax-js/jax");

export interface JaxPeer {
  readonly name: string;
  readonly jax: Jax;
}

/** Dawn as browsers have it: jax-js looks for `navigator.gpu` when it is loaded. */
const asBrowser = async ({ backend, name }: AdapterInfo): Promise<void> => {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const gpu = create([`backend=${backend}`, `adapter=${name}`]);
  Object.defineProperty(globalThis, "navigator", {
    value: { gpu, userAgent: "node" },
    configurable: true,
  });
};

let opened: Promise<JaxPeer> | undefined;

const open = async (adapter: AdapterInfo): Promise<JaxPeer> => {
  await asBrowser(adapter);
  const jax = await import("@jax-js/jax");
  const devices = await jax.init("webgpu");
  if (!devices.includes("webgpu")) throw new Error(`it has ${devices.join(", ")} alone`);
  jax.defaultDevice("webgpu");
  return { name: "jax-js 0.1.25", jax };
};

/** jax-js on this adapter; undefined, with the reason on standard error, where it does not run. One adapter a process. */
export const openJax = (adapter: AdapterInfo): Effect.Effect<JaxPeer | undefined> =>
  Effect.tryPromise({
    try: () => (opened ??= open(adapter)),
    catch: (cause) => (cause instanceof Error ? cause.message : String(cause)),
  }).pipe(
    Effect.catch((reason) => Effect.as(Console.error(`no jax-js peer (${reason})`), undefined)),
  );

/** Awaits something of the peer; what goes wrong there is told as its failure. */
export const ofPeer = <A>(what: string, work: () => Promise<A>): Effect.Effect<A, BenchError> =>
  Effect.tryPromise({
    try: work,
    catch: (cause) =>
      new BenchError({
        message: `Expected the jax-js peer to ${what}, got ${cause instanceof Error ? cause.message : String(cause)}`,
      }),
  });
