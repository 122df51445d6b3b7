/** Products of matrices, by a backend of ours or by jax-js. */
import { type ComputeError, type ComputeShape, makeRandom } from "@resd/core";
import { graph, input, matMul, slice } from "@resd/tensor";
import { Effect, type Scope } from "effect";
import type { BenchError } from "./bench_error.ts";
import { SEED } from "./exchange.ts";
import { type JaxPeer, ofPeer } from "./jax_peer.ts";
import { type Side, timed } from "./measurement.ts";

/** a[M,K]·b[K,N], either of them stored transposed: all that a forward and a backward pass need. */
export interface Product {
  readonly M: number;
  readonly K: number;
  readonly N: number;
  readonly kind: "NN" | "NT" | "TN";
}

const square = (size: number): Product => ({ M: size, K: size, N: size, kind: "NN" });

export const PRODUCTS: Readonly<Record<"software" | "hardware", ReadonlyArray<Product>>> = {
  software: [
    square(256),
    { M: 512, K: 128, N: 384, kind: "NT" },
    { M: 128, K: 512, N: 384, kind: "TN" },
  ],
  hardware: [
    square(1024),
    square(4096),
    { M: 2048, K: 896, N: 4864, kind: "NT" },
    { M: 896, K: 2048, N: 4864, kind: "TN" },
    { M: 8, K: 896, N: 4864, kind: "NT" },
  ],
};

/** What is held against the adapter's arithmetic, on GPUs. */
export const LARGEST: Product = square(4096);

export const productName = ({ M, K, N, kind }: Product, products: "f32" | "f16" = "f32"): string =>
  `product ${kind} ${M}x${K}x${N}, ${products}`;

const shapes = ({ M, K, N, kind }: Product) => ({
  a: kind === "TN" ? [K, M] : [M, K],
  b: kind === "NT" ? [N, K] : [K, N],
});

const values = (
  name: string,
  [rows, columns]: ReadonlyArray<number>,
): Float32Array<ArrayBuffer> => {
  const random = makeRandom(SEED, "bench", name);
  return Float32Array.from({ length: rows! * columns! }, () => random.normal() / 8);
};

/** Turns are pauses apart, in which clocks fall and caches are taken by others: a run before the one that counts. */
const warm = <E>(once: Effect.Effect<void, E>) => Effect.andThen(once, timed(once));

/** One element is read back each time, so that what has only been handed over does not count as done. */
export const ourProduct = Effect.fnUntraced(function* (
  name: string,
  compute: ComputeShape,
  product: Product,
): Effect.fn.Return<Side<ComputeError>, ComputeError, Scope.Scope> {
  const shape = shapes(product);
  const [transA, transB] = [product.kind === "TN", product.kind === "NT"];
  const c = matMul(input("a", shape.a), input("b", shape.b), { transA, transB });
  const corner = slice(c, [0, 0], [1, 1]);
  const program = yield* compute.compile(graph({ c, corner }, { name: productName(product) }));
  const inputs = {
    a: yield* compute.put(values("a", shape.a), shape.a),
    b: yield* compute.put(values("b", shape.b), shape.b),
  };
  const once = Effect.flatMap(program.run(inputs, { read: ["corner"] }), ({ arrays }) =>
    compute.release(Object.values(arrays)),
  );
  return {
    name,
    result: Effect.map(program.run(inputs, { read: ["c", "corner"] }), (run) => run.values["c"]!),
    timed: warm(once),
  };
});

export const jaxProduct = (peer: JaxPeer, product: Product): Effect.Effect<Side<BenchError>> =>
  Effect.sync(() => {
    const { jit, numpy: np } = peer.jax;
    const shape = shapes(product);
    const array = (name: "a" | "b") => np.array(values(name, shape[name]), { shape: shape[name] });
    const [a, b] = [array("a"), array("b")];
    type Value = typeof a;
    const multiply = jit((x: Value, y: Value) =>
      np.matmul(
        product.kind === "TN" ? np.transpose(x) : x,
        product.kind === "NT" ? np.transpose(y) : y,
      ),
    );
    const once = ofPeer("multiply", async () => {
      const c = multiply(a.ref, b.ref) as Value;
      await c.blockUntilReady();
      c.dispose();
    });
    return {
      name: peer.name,
      result: ofPeer(
        "multiply",
        () => (multiply(a.ref, b.ref) as Value).data() as Promise<Float32Array>,
      ),
      timed: warm(once),
    };
  });
