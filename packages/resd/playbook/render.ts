/** The text form of a playbook, as ACE defined it and models read it. */
import type { Entry } from "@resd/core";
import { LINE_BREAK } from "./operations.ts";
import { SECTIONS, type Section, OTHERS, sectionRank } from "./sections.ts";

/** One entry as a line. */
export const renderEntry = ({ id, helpful, harmful, text }: Entry): string =>
  `[${id}] helpful=${helpful} harmful=${harmful} :: ${text}`;

/**
 * All sections in order, each header with its entries below it; no new line at the end. Without entries it is the
 * bare list of headers.
 */
export const renderPlaybook = (entries: ReadonlyArray<Entry>): string =>
  SECTIONS.map((section, rank) => {
    const lines = entries
      .filter((entry) => sectionRank(entry.section) === rank)
      .map((entry) => `${renderEntry(entry)}\n`)
      .join("");
    // Headers keep a blank line above and below, except that entries end directly above the next header.
    return section === OTHERS ? `## ${section}\n${lines}`.trimEnd() : `## ${section}\n\n${lines}`;
  }).join("");

/** What a line of the text form says of an entry: everything but its times. */
export type ParsedEntry = Omit<Entry, "createdAt" | "lastTaggedAt">;

/** A line of a text that says nothing to a playbook, and what was expected of it. */
export interface PassedOver {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** A text, read. */
export interface PlaybookText {
  readonly entries: ReadonlyArray<ParsedEntry>;
  /** What is lost where the text is taken over as it is. */
  readonly passedOver: ReadonlyArray<PassedOver>;
}

const ENTRY = /^\[([^\]]+)\] *helpful *= *(\d{1,15}) *harmful *= *(\d{1,15}) *:: *(.*)$/;
const HEADER = /^## *(.*)$/;

const quoted = (line: string): string =>
  JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);

/**
 * Reads the text form back, and says what in it is no entry: stray lines, repeated ids, headers that are not a section's.
 * Total: entries above the first header, or below an unknown one, belong to OTHERS; of a repeated id the first stays.
 */
export const readPlaybookText = (text: string): PlaybookText => {
  const entries = new Map<string, ParsedEntry>();
  const passedOver: Array<PassedOver> = [];
  let section: Section = OTHERS;
  for (const [i, raw] of text.split(LINE_BREAK).entries()) {
    const line = raw.trim();
    if (line === "") continue;
    const pass = (message: string): void => void passedOver.push({ line: i + 1, message });
    const header = HEADER.exec(line)?.[1];
    if (header !== undefined) {
      const known = SECTIONS.find((name) => name === header.trim());
      section = known ?? OTHERS;
      if (known === undefined) {
        pass(`Expected one of the sections ${SECTIONS.join(", ")}, got ${quoted(header)}`);
      }
      continue;
    }
    const [, id, helpful, harmful, said] = ENTRY.exec(line) ?? [];
    const lesson = said?.trim() ?? "";
    if (id === undefined || lesson === "") {
      pass(`Expected "[<id>] helpful=<count> harmful=<count> :: <lesson>", got ${quoted(line)}`);
    } else if (entries.has(id)) {
      pass(`Expected every id once, got ${id} again`);
    } else {
      const counts = { helpful: Number(helpful), harmful: Number(harmful) };
      entries.set(id, { id, section, text: lesson, ...counts });
    }
  }
  return { entries: [...entries.values()], passedOver };
};

/** The entries of {@linkcode readPlaybookText} alone: lines that are neither entries nor headers are passed over. */
export const parsePlaybook = (text: string): ReadonlyArray<ParsedEntry> =>
  readPlaybookText(text).entries;
