/** Positions of which logits are wanted, before and after the language-model head: what scoring and every loss begin with. */
import { type DecoderConfig, hidden, type HiddenOptions, type Parameters } from "@resd/models";
import { gatherRows, reshape, type Tensor } from "@resd/tensor";

/** Largest number of logits [rows, vocabulary] at once; a loss keeps about four such arrays alive. */
export const LOGITS_LIMIT = 16 * 2 ** 20;

/** Rows of logits of `models` models at once. What has more is worked on in chunks of rows. */
export const logitRows = ({ vocab_size }: DecoderConfig, models = 1): number =>
  Math.max(1, Math.floor(LOGITS_LIMIT / models / vocab_size));

/**
 * ids i32 [B,T] → hidden states [N,D] of the positions `rows` i32 [N], counted in the flattened [B·T], or of all
 * positions where no rows are given. The language-model head runs on these rows only.
 */
export const stateRows = (
  config: DecoderConfig,
  parameters: Parameters,
  ids: Tensor,
  rows?: Tensor,
  options?: HiddenOptions,
): Tensor => {
  const [B, T] = ids.shape as [number, number];
  const states = reshape(hidden(config, parameters, ids, options), [B * T, config.hidden_size]);
  return rows === undefined ? states : gatherRows(states, rows);
};
