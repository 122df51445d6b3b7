/** Logits of chosen positions: what scoring and every loss begin with. */
import { type DecoderConfig, hidden, logits, type Parameters } from "@resd/models";
import { gatherRows, reshape, type Tensor } from "@resd/tensor";

/** Largest number of logits [N,V] of one program; a loss keeps about four such arrays alive. */
export const LOGITS_LIMIT = 16 * 2 ** 20;

/**
 * ids i32 [B,T] → logits [N,V] of the positions `rows` i32 [N], counted in the flattened [B·T], or of all positions
 * where no rows are given. The language-model head runs on these rows only.
 */
export const languageRows = (
  config: DecoderConfig,
  parameters: Parameters,
  ids: Tensor,
  rows?: Tensor,
): Tensor => {
  const [B, T] = ids.shape as [number, number];
  const states = reshape(hidden(config, parameters, ids), [B * T, config.hidden_size]);
  return logits(config, parameters, rows === undefined ? states : gatherRows(states, rows));
};
