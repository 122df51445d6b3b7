/** What an examined environment's process tells the one that watches it. */
import type { Manifest } from "@resd/core";
import type { LawResult } from "@resd/testing";

/** What the process is to do. */
export interface Assignment {
  readonly use: string;
  /** Values of the configuration, as they were written. */
  readonly overrides: ReadonlyArray<{ readonly path: string; readonly text: string }>;
  readonly samples: number;
  /** Laws to leave out: those that an earlier process did not come back from, or has checked. */
  readonly done: ReadonlyArray<string>;
  /** Only tells what sampled plays come to. */
  readonly recordOnly: boolean;
}

/** Lengths of problem texts in characters. */
export interface Lengths {
  readonly median: number;
  readonly p95: number;
  readonly most: number;
}

/** What a split holds. */
export interface SplitFacts {
  readonly size: number | "infinite";
  readonly license: string;
  readonly problemChars: Lengths;
}

/** What is known of an environment once it is imported. */
export interface Introduction {
  readonly package: string;
  readonly version: string;
  readonly entry: string;
  readonly manifest: Manifest;
  /** Time that importing it took, after what it shares with this program. */
  readonly importMillis: number;
  /** Handles and timers that importing it has opened, by kind. */
  readonly opened: ReadonlyArray<string>;
}

export type Told =
  | { readonly _tag: "Introduced"; readonly introduction: Introduction }
  | { readonly _tag: "Began"; readonly id: string; readonly promise: string }
  | { readonly _tag: "Checked"; readonly result: LawResult }
  | { readonly _tag: "Surveyed"; readonly splits: Readonly<Record<string, SplitFacts>> }
  | { readonly _tag: "Recorded"; readonly lines: ReadonlyArray<string> }
  | { readonly _tag: "Failed"; readonly message: string };
