/** One request while it is being answered. */
import {
  type GenerateRequest,
  type Generation,
  type Random,
  type Stop,
  makeRandom,
} from "@resd/core";
import type { SamplingData } from "./decode_session.ts";
import { roomOf } from "./generation_plan.ts";

/** What ends a reply. */
export interface Ends {
  /** Ids that end a generation. */
  readonly ends: ReadonlySet<number>;
  /** Text of ids, for stop strings. */
  readonly decode: (ids: Int32Array) => string;
}

/** A request with what has been sampled for it. Its draws come from its own seed, wherever it stands. */
export interface Row {
  readonly request: GenerateRequest;
  readonly random: Random;
  /** New tokens that it may get. */
  readonly room: number;
  readonly ids: Array<number>;
  readonly logProbs: Array<number>;
  stop: Stop | undefined;
}

export const beginRow = (request: GenerateRequest, maxContext: number): Row => ({
  request,
  random: makeRandom(request.seed),
  room: roomOf(request, maxContext),
  ids: [],
  logProbs: [],
  stop: undefined,
});

export const isAlive = ({ stop }: Row): boolean => stop === undefined;

/** The position of the token that the next step reads: the last one sampled. */
export const positionOf = ({ request, ids }: Row): number => request.prompt.length + ids.length - 1;

/**
 * Whether the text of the last tokens contains a stop string, however it lies across them. A character comes from at most
 * four tokens, one a byte.
 */
const endsByText = (row: Row, decode: Ends["decode"]): boolean => {
  const { stop } = row.request.sampling;
  if (stop.length === 0) return false;
  const reach = Math.max(...stop.map((text) => text.length)) * 4 + 8;
  const text = decode(Int32Array.from(row.ids.slice(-reach)));
  return stop.some((wanted) => text.includes(wanted));
};

/** Adds a sampled token, and ends the row where it has to end. */
export const accept = (row: Row, id: number, logProb: number, { ends, decode }: Ends): void => {
  row.ids.push(id);
  row.logProbs.push(logProb);
  if (ends.has(id)) row.stop = "eos";
  else if (endsByText(row, decode)) row.stop = "stop_string";
  else if (row.ids.length >= row.room) row.stop = "max_tokens";
};

/** The draw as f32 holds it: 24 bits, so that it never rounds up to 1. */
const uniform = (random: Random): number => Math.floor(random.next() * 2 ** 24) / 2 ** 24;

/** Sampling settings of B batch rows; those beyond the list draw what nobody reads. */
export const settingsOf = (rows: ReadonlyArray<Row>, B: number): SamplingData => {
  const perRow = (of: (row: Row) => number): Float32Array => {
    const values = new Float32Array(B);
    rows.forEach((row, i) => (values[i] = of(row)));
    return values;
  };
  return {
    uniform: perRow((row) => (isAlive(row) ? uniform(row.random) : 0)),
    temperature: perRow((row) => row.request.sampling.temperature),
    topP: perRow((row) => row.request.sampling.topP).fill(1, rows.length),
  };
};

/** The answer of a row that has ended. */
export const answerOf = (row: Row, policyVersion: string): Generation => ({
  ids: Int32Array.from(row.ids),
  logProbs: Float32Array.from(row.logProbs),
  stop: row.stop as Stop,
  policyVersion,
});
