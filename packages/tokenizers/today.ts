/** The date that chat templates may ask for. */

/**
 * Always the same, because a prompt that depends on the day of a run cannot be repeated. It is the date that Llama 3's
 * templates take where they are told none.
 */
const TODAY = {
  Y: "2024",
  y: "24",
  m: "07",
  d: "26",
  B: "July",
  b: "Jul",
  A: "Friday",
  a: "Fri",
  H: "12",
  M: "00",
  S: "00",
} as const;

/** `strftime_now` of chat templates, on a fixed day. Throws a RangeError for a directive that it does not know. */
export const formatToday = (format: string): string =>
  format.replaceAll(/%(.)/gsu, (directive, letter: string) => {
    if (letter === "%") return "%";
    if (!Object.hasOwn(TODAY, letter)) {
      const known = Object.keys(TODAY).map((key) => `%${key}`);
      throw new RangeError(
        `Expected directives of ${known.join(", ")}, got ${directive}, at strftime_now(${JSON.stringify(format)})`,
      );
    }
    return TODAY[letter as keyof typeof TODAY];
  });
