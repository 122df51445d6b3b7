/** Low-rank adapters (Hu et al. 2021): x ↦ Wx + scale·B(Ax) beside the linear maps of the blocks. */

/** The adapter of a model, with the keys of PEFT, except that the adapted maps are spelled out. */
export interface Lora {
  /** Rank: rows of every A, columns of every B. */
  readonly r: number;
  readonly lora_alpha: number;
  /** Scale α/√r (Kalajdzievski 2023) instead of α/r. */
  readonly use_rslora: boolean;
  /** Modules as PEFT calls them, in the order of the forward pass: `model.layers.0.self_attn.q_proj`. */
  readonly maps: ReadonlyArray<string>;
}

/** What B(Ax) is multiplied by. */
export const loraScale = ({ r, lora_alpha, use_rslora }: Lora): number =>
  lora_alpha / (use_rslora ? Math.sqrt(r) : r);

/** Names of the two matrices of a map: A [r, in] and B [out, r]. */
export const loraNames = (map: string): { readonly a: string; readonly b: string } => ({
  a: `${map}.lora_A.weight`,
  b: `${map}.lora_B.weight`,
});
