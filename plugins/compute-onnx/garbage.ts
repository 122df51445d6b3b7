/**
 * Memory that JavaScript no longer needs and has not given back. To V8 an array is a small object, whatever lies behind it,
 * so that it lets gigabytes of them pile up; and memory that threads share stays until each of them has forgotten it.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes from which looking for them is worth its time: some milliseconds in a thread that holds little else. */
const MUCH = 64 * 2 ** 20;

let collect: (() => void) | undefined;
let garbage = 0;

/** Says that so many bytes are of no use any more. */
export const leaveGarbage = (bytes: number): void => {
  garbage += bytes;
};

/**
 * Gives this thread's garbage back, where it is much. To be called before memory is needed, when nobody holds on to the
 * last results.
 */
export const collectGarbage = (much = MUCH): void => {
  if (garbage < much) return;
  garbage = 0;
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
};
