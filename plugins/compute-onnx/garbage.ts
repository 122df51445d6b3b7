/**
 * Memory that JavaScript no longer needs and has not given back. ONNX Runtime's binding hands out a copy of every output,
 * even of those that were written where we asked. To V8 these are small objects, so that it lets gigabytes of them pile up.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes from which looking for them is worth its time, some milliseconds. */
const MUCH = 64 * 2 ** 20;

let collect: (() => void) | undefined;
let garbage = 0;

/** Says that so many bytes are of no use any more. */
export const leaveGarbage = (bytes: number): void => {
  garbage += bytes;
};

/** Gives back what is of no use, where it is much. To be called before memory is needed, when nobody holds on to the last results. */
export const collectGarbage = (): void => {
  if (garbage < MUCH) return;
  garbage = 0;
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
};
