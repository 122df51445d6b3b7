/** Where failures are told: on stderr, for people or, on a command line with --json, as one line of JSON. */
import { Console, type Effect } from "effect";
import { inkFor } from "./ink.ts";

/** Whether a command line asks for JSON. */
export const asksForJson = (argv: ReadonlyArray<string>): boolean => argv.includes("--json");

/** Tells a failure. Nothing of it goes to stdout, which is for results. */
export const sayFailure = (text: string, json: boolean): Effect.Effect<void> =>
  Console.error(
    json ? JSON.stringify({ error: text }) : `${inkFor(process.stderr)("red", "error")}  ${text}`,
  );
