import type { Backend, FusedKernels } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import { noGrad } from "../core/tape.ts";
import { TensorError } from "../errors.ts";
import type { Composing, Compositions } from "./composed/index.ts";

/** The kernels of a backend where it has those of these names; otherwise ops compose what they do. */
export function fused({ kernels }: Backend, ...names: readonly (keyof FusedKernels)[]): FusedKernels | undefined {
  return names.every((name) => kernels[name]) ? (kernels as FusedKernels) : undefined;
}

/** What ops compose in the place of a kernel that a backend lacks; off the tape. */
export function composed<Name extends keyof Compositions>(
  backend: Backend & Partial<Composing>, name: Name, ...args: Parameters<Compositions[Name]>
): ReturnType<Compositions[Name]> {
  const { compositions } = backend;
  if (compositions) return noGrad(() => scope(() => (compositions[name] as (...args: unknown[]) => never)(...args)));
  throw new TensorError(
    "invalid-argument",
    `the backend ${backend.name} has no kernel ${name}; wrap it in withCompositions of @gpt/tensor/compositions`,
  );
}
