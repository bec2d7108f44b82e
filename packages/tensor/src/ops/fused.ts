import type { Backend, FusedKernels } from "../contract/index.ts";

/** The kernels of these names where the backend has all of them; otherwise ops compose what these do. */
export function fused<Name extends keyof FusedKernels>(
  { kernels }: Backend, ...names: readonly Name[]
): Pick<FusedKernels, Name> | undefined {
  return names.every((name) => kernels[name]) ? (kernels as FusedKernels) : undefined;
}
