/** The GPUs that Dawn finds on this machine, as plain data, and which one a name or a number means. */
import { ComputeError } from "@resd/core";
import { Effect } from "effect";
import { create } from "webgpu";

/** Sizes of matrices that subgroups multiply in hardware: a[M,K]·b[K,N]. */
export interface SubgroupMatrix {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** One adapter: a GPU through one API, or a program that stands in for a GPU. */
export interface AdapterInfo {
  /** Its place in the list, GPUs before software. */
  readonly index: number;
  /** What Dawn calls it: `NVIDIA H200`, `SwiftShader Device (Subzero)`. */
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  /** The driver, with its version. */
  readonly description: string;
  /** Computes on the CPU. */
  readonly software: boolean;
  /** `vulkan`, `metal`, `d3d12`. */
  readonly backend: string;
  readonly features: ReadonlyArray<string>;
  /** All limits that a device may be given, in bytes or counts, by their WebGPU names. */
  readonly limits: Readonly<Record<string, number>>;
  /** Smallest and largest number of invocations in a subgroup; zeros where there are no subgroups. */
  readonly subgroupSizes: { readonly min: number; readonly max: number };
  /** Empty where there is no hardware for matrices, or no access to it. */
  readonly subgroupMatrices: ReadonlyArray<SubgroupMatrix>;
}

/** What `adapter.info` has beyond the standard. */
interface DawnAdapterInfo extends GPUAdapterInfo {
  readonly subgroupMatrixConfigs?: Iterable<SubgroupMatrix>;
}

/**
 * NVIDIA's Vulkan driver has f16, which Dawn hides, and matrices for subgroups are an experiment of Dawn's; timestamps are
 * rounded to 0.1 ms unless asked otherwise.
 */
const TOGGLES = [
  "enable-dawn-features=vulkan_enable_f16_on_nvidia,allow_unsafe_apis",
  "disable-dawn-features=timestamp_quantization",
];

/** APIs that compute well; Dawn's OpenGL lists the same hardware once more, with less. */
const BACKENDS: ReadonlySet<string> = new Set(["vulkan", "metal", "d3d12"]);

/**
 * Instances of Dawn by what they were asked for, never let go: a collected instance whose device still lives ends the
 * process without a word. There are as many as there are adapters.
 */
const instances = new Map<string, GPU>();

const instanceOf = (flags: ReadonlyArray<string>): GPU => {
  const key = flags.join(" ");
  const known = instances.get(key);
  if (known !== undefined) return known;
  const made = create([...TOGGLES, ...flags]);
  instances.set(key, made);
  return made;
};

const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);

interface Named {
  readonly backend: string;
  readonly name: string;
}

/** Dawn names what it has only to those who ask for what it has not. */
const NOBODY = "adapter=(none has this name)";

const named = async (): Promise<ReadonlyArray<Named>> => {
  try {
    await instanceOf([NOBODY]).requestAdapter();
    return []; // nothing to name
  } catch (cause) {
    const lines = messageOf(cause).matchAll(/^ \* backend: '(.*?)', name: '(.*)'$/gm);
    return [...lines]
      .map(([, backend, name]) => ({ backend: backend!, name: name! }))
      .filter(({ backend }) => BACKENDS.has(backend));
  }
};

/** A fresh adapter by its names: each gives one device. Null where it went away. */
export const requestAdapter = (wanted: Named): Promise<GPUAdapter | null> =>
  instanceOf([`backend=${wanted.backend}`, `adapter=${wanted.name}`]).requestAdapter();

/** Limits are getters of the prototype; this makes a record of them. */
export const limitsOf = (limits: GPUSupportedLimits): Readonly<Record<string, number>> => {
  const found: Record<string, number> = {};
  // oxlint-disable-next-line guard-for-in -- the properties are inherited
  for (const name in limits) {
    const value: unknown = limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") found[name] = value;
  }
  return found;
};

const describe = (adapter: GPUAdapter, { backend, name }: Named): Omit<AdapterInfo, "index"> => {
  const info: DawnAdapterInfo = adapter.info;
  const matrices = info.subgroupMatrixConfigs ?? [];
  return {
    name,
    backend,
    vendor: info.vendor,
    architecture: info.architecture,
    device: info.device,
    description: info.description,
    software: info.isFallbackAdapter,
    features: [...adapter.features].toSorted(),
    limits: limitsOf(adapter.limits),
    subgroupSizes: { min: info.subgroupMinSize ?? 0, max: info.subgroupMaxSize ?? 0 },
    subgroupMatrices: Array.from(matrices, (matrix) => ({
      componentType: matrix.componentType,
      resultComponentType: matrix.resultComponentType,
      M: matrix.M,
      N: matrix.N,
      K: matrix.K,
    })),
  };
};

const list = async (): Promise<ReadonlyArray<AdapterInfo>> => {
  const found: Array<Omit<AdapterInfo, "index">> = [];
  for (const names of await named()) {
    const adapter = await requestAdapter(names);
    if (adapter !== null) found.push(describe(adapter, names));
  }
  return [...found.filter((it) => !it.software), ...found.filter((it) => it.software)].map(
    (info, index) => ({ ...info, index }),
  );
};

/** All adapters of this machine, GPUs before software; none where no driver is installed. */
export const listAdapters: Effect.Effect<
  ReadonlyArray<AdapterInfo>,
  ComputeError
> = Effect.tryPromise({
  try: list,
  catch: (cause) =>
    new ComputeError({
      message: `Expected Dawn to list the adapters, got: ${messageOf(cause)}; see npm start -- doctor, or compute on the CPU: --compute onnx`,
      op: "adapter",
    }),
});

/** A line that names an adapter to people, and says whether it is a GPU at all. */
export const adapterTitle = ({ name, backend, software }: AdapterInfo): string =>
  `${name} (${backend}${software ? ", software: computes on the CPU" : ""})`;

/** What to do where there is no adapter. */
export const NO_ADAPTER =
  "install a GPU driver with Vulkan (Linux: the vendor's driver and libvulkan1), or a software one: tools/webgpu/software_driver.sh npm start -- doctor; or compute on the CPU: --compute onnx";

/**
 * The adapter that a person means: by its number in the list, or by a part of its name in any case. An empty string is
 * the first: a GPU where there is one.
 */
export const chooseAdapter = (
  adapters: ReadonlyArray<AdapterInfo>,
  wanted: string | number,
): Effect.Effect<AdapterInfo, ComputeError> => {
  const fail = (message: string) => Effect.fail(new ComputeError({ message, op: "adapter" }));
  const [first] = adapters;
  if (first === undefined) return fail(`Expected a WebGPU adapter, got none; ${NO_ADAPTER}`);
  const text = String(wanted);
  const byNumber = /^\d+$/.test(text);
  const found = byNumber
    ? adapters[Number(text)]
    : adapters.find(({ name }) => name.toLowerCase().includes(text.toLowerCase()));
  if (found === undefined) {
    const all = adapters.map((info) => `${info.index}: ${adapterTitle(info)}`).join("; ");
    return fail(
      `Expected the ${byNumber ? "number" : "name"} of an adapter, got ${JSON.stringify(text)}; choose one of ${all}`,
    );
  }
  const twin = adapters.find(
    ({ name, backend, index }) =>
      name === found.name && backend === found.backend && index < found.index,
  );
  return twin === undefined
    ? Effect.succeed(found)
    : fail(
        `Expected an adapter that Dawn can tell from the others, got ${found.index}, whose name is that of ${twin.index}: ${found.name}; take ${twin.index}, or show this process only the other GPU (NVIDIA in a container: NVIDIA_VISIBLE_DEVICES)`,
      );
};
