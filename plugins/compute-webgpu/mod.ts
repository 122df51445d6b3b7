/**
 * Compute on WebGPU through Dawn (npm `webgpu`): any GPU with Vulkan, Metal or Direct3D 12, and software adapters. A graph is
 * fused, lowered to WGSL kernels and run in one pass; arrays stay on the device.
 *
 * @module
 */
export { layer } from "./compute_webgpu.ts";
export { Options } from "./options.ts";
