/** Tables as data, and as text, Markdown, HTML and CSV. */
import { xml } from "./svg.ts";

/** A table; all rows are as long as its head. */
export interface Table {
  readonly title: string;
  /** What a reader has to know about the columns. */
  readonly note?: string;
  readonly head: ReadonlyArray<string>;
  /** Columns of text stand left, all others right. */
  readonly textColumns: ReadonlyArray<number>;
  readonly rows: ReadonlyArray<ReadonlyArray<string>>;
}

const GAP = "  ";

/** Columns in line, for a terminal. */
export const tableText = ({ head, rows, textColumns }: Table): string => {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: ReadonlyArray<string>) =>
    row
      .map((cell, i) =>
        textColumns.includes(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!),
      )
      .join(GAP)
      .trimEnd();
  const rule = "─".repeat(
    widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)),
  );
  return [line(head), rule, ...rows.map(line)].join("\n");
};

const cellMarkdown = (cell: string): string => cell.replaceAll("|", "\\|").replaceAll("\n", " ");

/** As a page in Markdown has it, with its title as a heading. */
export const tableMarkdown = ({ title, note, head, rows, textColumns }: Table): string => {
  const line = (row: ReadonlyArray<string>) => `| ${row.map(cellMarkdown).join(" | ")} |`;
  return [
    `## ${title}`,
    "",
    ...(note === undefined ? [] : [note, ""]),
    line(head),
    line(head.map((_, i) => (textColumns.includes(i) ? "---" : "---:"))),
    ...rows.map(line),
  ].join("\n");
};

/** As a page in HTML has it, with its title as a heading. */
export const tableHtml = ({ title, note, head, rows, textColumns }: Table): string => {
  const cells = (row: ReadonlyArray<string>, tag: "td" | "th") =>
    row
      .map(
        (cell, i) =>
          `<${tag}${textColumns.includes(i) ? "" : ' class="number"'}>${xml(cell)}</${tag}>`,
      )
      .join("");
  return [
    `<h2>${xml(title)}</h2>`,
    ...(note === undefined ? [] : [`<p class="note">${xml(note)}</p>`]),
    '<div class="wide"><table>',
    `<thead><tr>${cells(head, "th")}</tr></thead>`,
    `<tbody>${rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n")}</tbody>`,
    "</table></div>",
  ].join("\n");
};

const cellCsv = (value: string | number | null | undefined): string => {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** Rows of values as CSV (RFC 4180); what is not known is empty. */
export const csv = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string | number | null | undefined>>,
): string => [head, ...rows].map((row) => `${row.map(cellCsv).join(",")}\n`).join("");
