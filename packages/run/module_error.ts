/** What an import that failed says, with the line where it broke. */

/** `:3` or `:3:7`: the first place in a file that an error's stack names, if it names one. */
const placeIn = (absolute: string, error: unknown): string => {
  const stack = error instanceof Error ? decodeURI(error.stack ?? "") : "";
  const at = stack.indexOf(`${absolute}:`);
  return at < 0 ? "" : (/^(:\d+){1,2}/.exec(stack.slice(at + absolute.length))?.[0] ?? "");
};

/** The message as far as it goes: what was expected, what came, and where. What to do is the caller's to say. */
export const moduleErrorText = (error: unknown, absolute: string, shown = absolute): string =>
  `Expected a module that loads, got ${error instanceof Error ? error.message : String(error)}, at ${shown}${placeIn(absolute, error)}`;
