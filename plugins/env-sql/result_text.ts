/** Rows as text, for what the policy reads and for feedback. */
import { quote } from "@resd/core";
import type { Cell, QueryResult } from "./database/open.ts";

type Rows = Extract<QueryResult, { _tag: "rows" }>;

const MOST_CELL = 60;

/** On one line and without control characters, whatever the database holds. */
export const plain = (text: string, length: number): string =>
  quote(text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " "), length);

const cellText = (cell: Cell): string => (cell === null ? "NULL" : plain(String(cell), MOST_CELL));

/** `(Aldra, 12.5, NULL)` */
export const rowText = (row: ReadonlyArray<Cell>): string => `(${row.map(cellText).join(", ")})`;

/** `(Aldra) (Brekk) and 3 more` */
export const rowsText = (
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  most: number,
  more = false,
): string => {
  const shown = rows.slice(0, most).map((row) => rowText(row));
  const hidden = rows.length - shown.length;
  const rest = more
    ? [`and at least ${hidden + 1} more`]
    : hidden > 0
      ? [`and ${hidden} more`]
      : [];
  return shown.length === 0 ? "no rows" : [...shown, ...rest].join(" ");
};

/** A result as the policy reads it: the columns, a line a row, as many rows as there is room for, and how many there are. */
export const resultText = (
  { columns, rows, more }: Rows,
  mostRows: number,
  room: number,
): string => {
  const lines = [plain(columns.join(" | "), 400)];
  let length = lines[0]!.length;
  for (const row of rows.slice(0, mostRows)) {
    const line = row.map(cellText).join(" | ");
    length += line.length + 1;
    if (length > room) break;
    lines.push(line);
  }
  const shown = lines.length - 1;
  const count = more ? `more than ${rows.length}` : String(rows.length);
  lines.push(
    shown === rows.length && !more
      ? `(${count} ${rows.length === 1 ? "row" : "rows"})`
      : `(${count} rows, the first ${shown} shown)`,
  );
  return lines.join("\n");
};
