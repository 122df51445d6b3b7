import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { type AdapterInfo, chooseAdapter, listAdapters } from "./adapters.ts";

const adapter = (index: number, name: string, software: boolean): AdapterInfo => ({
  index,
  name,
  vendor: "",
  architecture: "",
  device: "",
  description: "",
  software,
  backend: "vulkan",
  features: [],
  limits: {},
  subgroupSizes: { min: 0, max: 0 },
  subgroupMatrices: [],
});

const ADAPTERS = [adapter(0, "NVIDIA H200", false), adapter(1, "SwiftShader Device", true)];

const refusal = (adapters: ReadonlyArray<AdapterInfo>, wanted: string) =>
  Effect.map(Effect.flip(chooseAdapter(adapters, wanted)), ({ message }) => message);

describe("chooseAdapter()", () => {
  it.effect("takes the first, a number of the list, or a part of a name in any case", () =>
    Effect.gen(function* () {
      for (const [wanted, index] of [
        ["", 0],
        ["1", 1],
        [1, 1],
        ["nvidia", 0],
        ["swiftshader", 1],
      ] as const) {
        assert.strictEqual((yield* chooseAdapter(ADAPTERS, wanted)).index, index);
      }
    }),
  );

  it.effect("names all adapters, and those that are software, when there is no such one", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* refusal(ADAPTERS, "7"),
        'Expected the number of an adapter, got "7"; choose one of 0: NVIDIA H200 (vulkan); 1: SwiftShader Device (vulkan, software: computes on the CPU)',
      );
      assert.include(yield* refusal(ADAPTERS, "amd"), 'Expected the name of an adapter, got "amd"');
    }),
  );

  it.effect("says what to install when there is no adapter", () =>
    Effect.gen(function* () {
      assert.include(yield* refusal([], ""), "got none; install a GPU driver");
    }),
  );

  it.effect("refuses the second of two adapters of one name, which Dawn cannot tell apart", () =>
    Effect.gen(function* () {
      const twins = [adapter(0, "NVIDIA H200", false), adapter(1, "NVIDIA H200", false)];
      assert.strictEqual((yield* chooseAdapter(twins, "h200")).index, 0);
      assert.include(yield* refusal(twins, "1"), "whose name is that of 0");
    }),
  );
});

describe("listAdapters()", () => {
  it.effect("names every adapter with its limits, GPUs before software; none is no error", () =>
    Effect.gen(function* () {
      const adapters = yield* listAdapters;
      adapters.forEach(({ index, name, limits, software }, position) => {
        assert.strictEqual(index, position);
        assert.isNotEmpty(name);
        assert.isAtLeast(limits["maxStorageBufferBindingSize"]!, 2 ** 27);
        assert.isTrue(software || !adapters.slice(0, position).some((other) => other.software));
      });
    }),
  );
});
