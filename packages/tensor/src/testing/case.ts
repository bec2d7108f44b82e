import type { Backend, Kernels } from "../contract/index.ts";
import { TensorError } from "../errors.ts";

/**
 * What a backend's arithmetic may lack. A backend that says so is checked to lack it indeed; everything else in the
 * suite holds for every backend.
 */
export interface Capabilities {
  /** NaN survives arithmetic: NaN × 0 is NaN. Software adapters of WebGPU may give 0. */
  readonly nan: boolean;
  /** Numbers below 2⁻¹²⁶ are kept, not flushed to zero. */
  readonly subnormals: boolean;
  /** Indices outside of a table throw `index-out-of-range`; elsewhere rows, losses and gradients are NaN. */
  readonly indexErrors: boolean;
}

/** One check of a kernel, alone or through the ops that stand on it. */
export interface Check {
  readonly name: string;
  /** Runs only where the backend has this capability. */
  readonly needs?: keyof Capabilities;
  /** Runs only where the backend lacks this capability. */
  readonly without?: keyof Capabilities;
  /** Elements of its largest input, where it says so. */
  readonly size?: number;
  /** Throws an error that says what is wrong with a backend of these capabilities. */
  run(backend: Backend, capabilities: Capabilities): Promise<void>;
}

/** A check of a kernel, for backends of given capabilities. */
export interface ConformanceCase extends Omit<Check, "run"> {
  readonly kernel: keyof Kernels;
  run(backend: Backend): Promise<void>;
}

/** At least one check for each kernel of a family: a kernel without checks does not compile. */
export type ChecksOf<Family> = { readonly [Kernel in keyof Family]: readonly [Check, ...Check[]] };

/**
 * Runs one case on a backend. Throws an error that names kernel, case, element, the expected and the actual value,
 * error and tolerance; or says that buffers were left behind.
 */
export async function checkCase(subject: ConformanceCase, backend: Backend): Promise<void> {
  const title = `${backend.name}: ${subject.kernel}: ${subject.name}`;
  const { liveBuffers, liveBytes } = backend.memory;
  try {
    await subject.run(backend);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new TensorError("backend-failure", `${title}: ${problem}`, { cause });
  }
  const [buffers, bytes] = [backend.memory.liveBuffers - liveBuffers, backend.memory.liveBytes - liveBytes];
  if (buffers !== 0 || bytes !== 0) {
    throw new TensorError("backend-failure", `${title}: left ${buffers} buffers (${bytes} bytes) behind`);
  }
}
