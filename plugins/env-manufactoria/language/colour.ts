/** The four symbols of a tape. */

export const COLOURS = ["R", "B", "Y", "G"] as const;
export type Colour = (typeof COLOURS)[number];

export const COLOUR_NAMES: Readonly<Record<Colour, string>> = {
  R: "red",
  B: "blue",
  Y: "yellow",
  G: "green",
};

/** Colours from front to back, such as `RBBG`; the empty tape is `""`. */
export type Tape = string;
