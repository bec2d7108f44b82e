import type { Backend, FusedKernels } from "../contract/index.ts";

/** The kernels of a backend where it has those of these names; otherwise ops compose what they do. */
export function fused({ kernels }: Backend, ...names: readonly (keyof FusedKernels)[]): FusedKernels | undefined {
  return names.every((name) => kernels[name]) ? (kernels as FusedKernels) : undefined;
}
