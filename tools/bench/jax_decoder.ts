/** A Llama decoder's training step in jax-js: forward, backward by its `grad`, global-norm clip and AdamW, in one `jit`. */
import type { numpy } from "@jax-js/jax";
import type { DecoderConfig } from "@resd/models";
import type { TrainingSettings } from "./exchange.ts";
import type { JaxPeer } from "./jax_peer.ts";

type Value = numpy.Array;
type Tree = Record<string, Value>;

export interface JaxTrainer {
  /** One step on the batch; gives the mean loss and the gradient norm before clipping. */
  readonly step: () => Promise<readonly [loss: number, gradNorm: number]>;
}

/** Angles of every position for every pair of a head: [T, D/2] each. */
const rotations = (length: number, headDim: number, theta: number) => {
  const half = headDim / 2;
  const angles = Array.from(
    { length: length * half },
    (_, i) => Math.floor(i / half) * theta ** (-(2 * (i % half)) / headDim),
  );
  return {
    cos: Float32Array.from(angles, Math.cos),
    sin: Float32Array.from(angles, Math.sin),
    shape: [length, 1, half],
  };
};

/**
 * @param ids tokens of B rows of T, one after another. @param targets the token after each.
 */
export const jaxTrainer = (
  { jax }: JaxPeer,
  config: DecoderConfig,
  parameters: ReadonlyMap<
    string,
    { readonly shape: ReadonlyArray<number>; readonly data: Float32Array }
  >,
  batch: { readonly rows: number; readonly ids: Int32Array; readonly targets: Int32Array },
  settings: TrainingSettings,
): JaxTrainer => {
  const { numpy: np, nn, tree } = jax;
  const { hidden_size: D, num_attention_heads: H, num_key_value_heads: K, head_dim: E } = config;
  const { vocab_size: V, rms_norm_eps: eps } = config;
  const [B, T] = [batch.rows, batch.ids.length / batch.rows];
  const array = (data: Float32Array | Int32Array, shape: ReadonlyArray<number>): Value =>
    np.array(data as Float32Array<ArrayBuffer>, { shape: [...shape] });

  const linear = (x: Value, weight: Value): Value => np.matmul(x, np.transpose(weight));
  const norm = (x: Value, weight: Value): Value => {
    const square = np.mean(np.multiply(x.ref, x.ref), -1, { keepdims: true });
    const scale = np.reciprocal(np.sqrt(np.add(square, eps)));
    return np.multiply(np.multiply(x, scale), weight);
  };
  const { cos, sin, shape } = rotations(T, E, config.rope_theta);
  const rotate = (x: Value): Value => {
    const [first, second] = np.split(x, 2, -1) as [Value, Value];
    const [c, s] = [array(cos, shape), array(sin, shape)];
    const rotated = [
      np.subtract(np.multiply(first.ref, c.ref), np.multiply(second.ref, s.ref)),
      np.add(np.multiply(second, c), np.multiply(first, s)),
    ];
    return np.concatenate(rotated, -1);
  };

  const loss = (p: Tree, ids: Value, targets: Value): Value => {
    const use = (name: string): Value => p[name]!;
    let x = np.reshape(np.matmul(nn.oneHot(ids, V), use("model.embed_tokens.weight").ref), [
      B,
      T,
      D,
    ]);
    for (let layer = 0; layer < config.num_hidden_layers; layer++) {
      const of = (rest: string): Value => use(`model.layers.${layer}.${rest}.weight`);
      const h = norm(x.ref, of("input_layernorm"));
      const q = np.reshape(linear(h.ref, of("self_attn.q_proj")), [B, T, H, E]);
      const k = np.reshape(linear(h.ref, of("self_attn.k_proj")), [B, T, K, E]);
      const v = np.reshape(linear(h, of("self_attn.v_proj")), [B, T, K, E]);
      const seen = nn.dotProductAttention(rotate(q), rotate(k), v, { isCausal: true });
      x = np.add(x, linear(np.reshape(seen, [B, T, H * E]), of("self_attn.o_proj")));
      const m = norm(x.ref, of("post_attention_layernorm"));
      const gate = nn.silu(linear(m.ref, of("mlp.gate_proj")));
      const up = linear(m, of("mlp.up_proj"));
      x = np.add(x, linear(np.multiply(gate, up), of("mlp.down_proj")));
    }
    const states = np.reshape(norm(x, use("model.norm.weight")), [B * T, D]);
    const scores = nn.logSoftmax(linear(states, use("model.embed_tokens.weight")), -1);
    return np.negative(np.divide(np.sum(np.multiply(scores, nn.oneHot(targets, V))), B * T));
  };

  const { betas, eps: adamEps, weightDecay, clip } = settings;
  const [beta1, beta2] = betas;
  const names = [...parameters.keys()];
  const step = jax.jit((p: Tree, m: Tree, v: Tree, rates: Tree, ids: Value, targets: Value) => {
    const [value, gradients] = jax.valueAndGrad(loss)(tree.ref(p), ids, targets) as [Value, Tree];
    const squares = names.map((name) =>
      np.sum(np.multiply(gradients[name]!.ref, gradients[name]!.ref)),
    );
    const total = np.sqrt(squares.reduce((sum, square) => np.add(sum, square)));
    const scale = np.minimum(np.divide(clip, np.add(total.ref, 1e-6)), 1);
    const next: { p: Tree; m: Tree; v: Tree } = { p: {}, m: {}, v: {} };
    for (const name of names) {
      const gradient = np.multiply(gradients[name]!, scale.ref);
      const first = np.add(np.multiply(m[name]!, beta1), np.multiply(gradient.ref, 1 - beta1));
      const square = np.multiply(np.multiply(gradient.ref, gradient), 1 - beta2);
      const second = np.add(np.multiply(v[name]!, beta2), square);
      next.m[name] = first.ref;
      next.v[name] = second.ref;
      const root = np.sqrt(np.divide(second, rates["second"]!.ref));
      const direction = np.divide(np.divide(first, rates["first"]!.ref), np.add(root, adamEps));
      const decay = parameters.get(name)!.shape.length === 2 ? weightDecay : 0;
      const change = np.add(direction, np.multiply(p[name]!.ref, decay));
      next.p[name] = np.subtract(p[name]!, np.multiply(change, rates["lr"]!.ref));
    }
    scale.dispose();
    tree.dispose(rates);
    return { ...next, loss: value, total };
  });

  const fresh = (of: (data: Float32Array) => Float32Array): Tree =>
    Object.fromEntries(
      [...parameters].map(([name, spec]) => [name, array(of(spec.data), spec.shape)]),
    );
  let state = {
    p: fresh((data) => data.slice()),
    m: fresh((data) => new Float32Array(data.length)),
    v: fresh((data) => new Float32Array(data.length)),
  };
  const ids = array(batch.ids, [B * T]);
  const targets = array(batch.targets, [B * T]);
  let count = 0;
  return {
    step: async () => {
      count++;
      const rates = {
        lr: array(Float32Array.of(settings.lr), []),
        first: array(Float32Array.of(1 - beta1 ** count), []),
        second: array(Float32Array.of(1 - beta2 ** count), []),
      };
      const {
        loss: value,
        total,
        ...next
      } = step(state.p, state.m, state.v, rates, ids.ref, targets.ref) as unknown as {
        p: Tree;
        m: Tree;
        v: Tree;
        loss: Value;
        total: Value;
      };
      state = next;
      const [[read], [norms]] = [await value.data(), await total.data()];
      return [read!, norms!];
    },
  };
};
