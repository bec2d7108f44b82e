import type { Backend, Kernels, RequiredKernels } from "../contract/index.ts";
import { withCompositions } from "../ops/composed/index.ts";

const requiredKernels: { readonly [Name in keyof RequiredKernels]: true } = {
  copy: true, fill: true, unary: true, binary: true, affine: true, select: true, reduce: true, argmax: true, matmul: true,
  gatherRows: true, scatterAddRows: true, uniform: true, sample: true,
};

/**
 * A backend whose fused kernels are hidden: ops compose them of the required ones, as on a backend that has no others. It
 * shares everything else with the given one, and has no packed weights.
 */
export function withoutFusedKernels(backend: Backend): Backend {
  const kernels = Object.fromEntries(Object.entries(backend.kernels).filter(([name]) => isRequired(name)));
  return withCompositions({
    ...backend,
    name: `${backend.name} without fused kernels`,
    kernels: kernels as unknown as Kernels,
    packedDTypes: [],
    get memory() {
      return backend.memory;
    },
  });
}

/** Whether every backend must have a kernel. */
export function isRequired(name: string): name is keyof RequiredKernels {
  return Object.hasOwn(requiredKernels, name);
}
