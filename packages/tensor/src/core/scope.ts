import { watchMemory } from "./memory-warning.ts";
import { runSynchronously } from "./region.ts";
import type { AnyTensor, Tensor } from "./tensor.ts";

interface Scope {
  /** The tensors that this scope has to free. */
  readonly tensors: Set<AnyTensor>;
  readonly outer: Scope | undefined;
}

/** The innermost running scope. */
let current: Scope | undefined;

/** What a scope may return: never a promise, since the scope ends when its function returns. */
type Synchronous<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * Runs `region` and frees every tensor that was made in it, except those it returns (alone, or in arrays and plain
 * objects) and those given to `keep`. Scopes nest; what an inner scope returns belongs to the outer one.
 */
export function scope<T>(region: () => Synchronous<T>): T {
  const outer = current;
  const inner: Scope = { tensors: new Set(), outer };
  current = inner;
  try {
    const result = runSynchronously("scope", region);
    release(result, inner);
    return result;
  } finally {
    current = outer;
    for (const tensor of inner.tensors) tensor.dispose();
  }
}

/** Takes a tensor out of all running scopes: it lives until it is disposed. */
export function keep<T extends AnyTensor>(tensor: T): T {
  leaveScope(tensor);
  return tensor;
}

/** Enters a new tensor into the running scope. */
export function enterScope(tensor: AnyTensor): void {
  if (current) current.tensors.add(tensor);
  else watchMemory(tensor.backend);
}

/** Removes a tensor from the running scope that it belongs to. */
export function leaveScope(tensor: AnyTensor): void {
  for (let scope = current; scope; scope = scope.outer) if (scope.tensors.delete(tensor)) return;
}

/** Hands the tensors found in a scope's result over to the outer scope. */
function release(result: unknown, { tensors, outer }: Scope): void {
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (tensors.delete(value as Tensor)) {
      if (outer) outer.tensors.add(value as Tensor);
      else watchMemory((value as Tensor).backend);
    } else if (Array.isArray(value)) value.forEach(visit);
    else if (Object.getPrototypeOf(value) === Object.prototype) Object.values(value).forEach(visit);
  };
  visit(result);
}
