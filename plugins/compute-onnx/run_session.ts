/**
 * Runs a session whose results are written straight into arrays of ours.
 *
 * onnxruntime-node (1.30) makes a copy of every result all the same, in memory that is new each time: of a training step a
 * second set of gradients, which takes as long as the optimizer. It goes through the results in their order and gives up at
 * one that is no tensor, when the session has run and everything is where it belongs. A model of which much would be copied
 * therefore has such a result before all others: an empty sequence. A binding that takes sequences for what they are would
 * run these models as well, and only copy again.
 */
import type { InferenceSession, Tensor } from "onnxruntime-node";

/** Bytes of results from which being thrown out is quicker than copies of them. */
export const MUCH_TO_COPY = 2 ** 16;

/** What the binding says of a result that is no tensor. */
const NO_TENSOR = "Non tensor type";

/** @param stop name of the result that is no tensor, where the model has one */
export const runSession = async (
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  fetches: Readonly<Record<string, Tensor>>,
  stop: string | undefined,
): Promise<void> => {
  if (stop === undefined) {
    await session.run(feeds, fetches);
    return;
  }
  try {
    await session.run(feeds, { [stop]: null, ...fetches });
  } catch (cause) {
    if (!(cause instanceof Error && cause.message.startsWith(NO_TENSOR))) throw cause;
  }
};
