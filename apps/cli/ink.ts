/** Emphasis on a terminal; nothing where output is piped or NO_COLOR is set. */
import { styleText } from "node:util";

type Emphasis = Parameters<typeof styleText>[0];

const colours = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";

/** A writer of emphasised text for a stream. */
export const inkFor =
  (stream: NodeJS.WriteStream) =>
  (emphasis: Emphasis, text: string): string =>
    colours(stream) ? styleText(emphasis, text, { validateStream: false }) : text;

export type Ink = ReturnType<typeof inkFor>;
