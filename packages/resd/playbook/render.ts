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

const ENTRY = /^\[([^\]]+)\] *helpful *= *(\d{1,15}) *harmful *= *(\d{1,15}) *:: *(.*)$/;
const HEADER = /^## *(.*)$/;

/**
 * Reads the text form back. Total: lines that are neither entries nor headers are passed over, as are repeated ids;
 * entries above the first header, or below one that is not a section's, belong to OTHERS.
 */
export const parsePlaybook = (text: string): ReadonlyArray<ParsedEntry> => {
  const entries = new Map<string, ParsedEntry>();
  let section: Section = OTHERS;
  for (const line of text.split(LINE_BREAK).map((raw) => raw.trim())) {
    const header = HEADER.exec(line)?.[1];
    if (header !== undefined) {
      section = SECTIONS.find((known) => known === header.trim()) ?? OTHERS;
      continue;
    }
    const [, id, helpful, harmful, lesson] = ENTRY.exec(line) ?? [];
    if (id === undefined || lesson === undefined || entries.has(id)) continue;
    entries.set(id, {
      id,
      section,
      text: lesson.trim(),
      helpful: Number(helpful),
      harmful: Number(harmful),
    });
  }
  return [...entries.values()];
};
