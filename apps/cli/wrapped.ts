/** Recorded text on a terminal: in lines that fit, and without control codes that would do something. */

/** Controls of the terminal, and what changes the direction of writing; not the line break. */
const UNSEEN = /(?!\n)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Line breaks stay, tabs become blanks; other control characters are shown by their codes. */
export const printable = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll("\r\n", "\n")
    .replaceAll("\t", "  ")
    .replaceAll(UNSEEN, (code) => `\\u${code.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** One line in pieces of at most `room` characters, broken at blanks where there are some; blanks at a break are left out. */
const broken = (line: string, room: number): ReadonlyArray<string> => {
  const letters = [...line];
  const pieces: Array<string> = [];
  let start = 0;
  while (letters.length - start > room) {
    const blank = letters.lastIndexOf(" ", start + room);
    const end = blank > start ? blank : start + room;
    pieces.push(letters.slice(start, end).join(""));
    start = blank > start ? end + 1 : end;
  }
  return [...pieces, letters.slice(start).join("")];
};

/** Text in lines of at most `width` characters, each behind `indent`. */
export const wrapped = (text: string, width: number, indent = "  "): ReadonlyArray<string> => {
  const room = Math.max(8, width - indent.length);
  return printable(text)
    .split("\n")
    .flatMap((line) => broken(line, room))
    .map((line) => (line === "" ? "" : `${indent}${line}`));
};

/** The end of a text that has no room: keys of tasks begin alike. */
export const lastOf = (text: string, room: number): string => {
  const letters = [...printable(text).replaceAll("\n", " ")];
  return letters.length <= room
    ? letters.join("")
    : `…${letters.slice(letters.length - Math.max(0, room - 1)).join("")}`;
};

/** How wide the terminal is; where there is none, lines are not cut short. */
export const terminalWidth = (stream: NodeJS.WriteStream): number => stream.columns || 120;
