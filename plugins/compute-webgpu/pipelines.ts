/** Compiled kernels: one pipeline for each text, whatever graphs it occurs in. */
import { ComputeError } from "@resd/core";
import { globals } from "webgpu";
import type { Kernel } from "./schedule.ts";

const { GPUShaderStage } = globals as Pick<typeof globalThis, "GPUShaderStage">;

export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);

export class Pipelines {
  readonly #device: GPUDevice;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #compiled = new Map<string, Promise<CompiledKernel>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get count(): number {
    return this.#compiled.size;
  }

  /** The pipeline of a kernel; a ComputeError with the kernel's label and the compiler's words where there is none. */
  get(kernel: Kernel, program: string): Promise<CompiledKernel> {
    const known = this.#compiled.get(kernel.wgsl);
    if (known !== undefined) return known;
    const made = this.#compile(kernel, program);
    this.#compiled.set(kernel.wgsl, made);
    return made;
  }

  #layout(kernel: Kernel): GPUBindGroupLayout {
    const key = kernel.bindings.map(({ access }) => access[0]).join("");
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    const visibility = GPUShaderStage.COMPUTE;
    const layout = this.#device.createBindGroupLayout({
      label: `numbers ${key}`,
      entries: [
        { binding: 0, visibility, buffer: { type: "uniform" } },
        ...kernel.bindings.map(({ access }, index): GPUBindGroupLayoutEntry => ({
          binding: index + 1,
          visibility,
          buffer: { type: access === "read" ? "read-only-storage" : "storage" },
        })),
      ],
    });
    this.#layouts.set(key, layout);
    return layout;
  }

  async #compile(kernel: Kernel, program: string): Promise<CompiledKernel> {
    const device = this.#device;
    const label = `${kernel.label} @ ${program}`;
    const layout = this.#layout(kernel);
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ label, code: kernel.wgsl });
    const invalid = device.popErrorScope();
    try {
      const error = await invalid;
      if (error !== null) throw new Error(error.message);
      const pipeline = await device.createComputePipelineAsync({
        label,
        layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: "main" },
      });
      return { pipeline, layout };
    } catch (cause) {
      throw new ComputeError({
        op: kernel.label,
        message: `Expected the device to take the kernel ${label}, got: ${messageOf(cause)}; its text is:\n${kernel.wgsl}`,
      });
    }
  }
}
