/** The text of an answer that a stop string has ended. */

/**
 * What was written before the first stop string in it; the whole text where there is none. Tokens are not cut: those of the
 * stop string were sampled, and so was whatever the last of them says beyond it.
 */
export const beforeStop = (text: string, stops: ReadonlyArray<string>): string => {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return found.length === 0 ? text : text.slice(0, Math.min(...found));
};
