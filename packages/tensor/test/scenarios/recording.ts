import { array, assert, asyncProperty, constantFrom, integer, record } from "fast-check";
import type { Arbitrary } from "fast-check";
import { cpu } from "../../src/backends/cpu/index.ts";
import { webgpu } from "../../src/backends/webgpu/index.ts";
import type { WebGPUBackend } from "../../src/backends/webgpu/index.ts";
import type { Backend, WeightView } from "../../src/contract/index.ts";
import { isLong, matrix, pause, vector } from "./devices.ts";

/** Sizes of which several share a class, and some do not. */
const lengths = [1, 60, 64, 65, 1000, 1010, 20_000];
/** Operations that every device rounds alike. */
const exact = ["add", "sub", "maximum", "minimum", "less"] as const;

const step = record({
  kind: constantFrom("allocate", "free", "write", "write", "binary", "binary", "copy", "read", "turn"),
  op: constantFrom(...exact),
  length: constantFrom(...lengths),
  seed: integer({ min: 0, max: 1000 }),
});
type Step = typeof step extends Arbitrary<infer Value> ? Value : never;

function numbers(length: number, seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, (_, i) => ((i * 37 + seed * 101) % 1009) - 500);
}

/** One tensor, on the backend and, as it has to be, on the one that does all at once. */
interface Twin {
  readonly there: number;
  readonly here: number;
  readonly length: number;
}

/** Runs a sequence on both, reads what is left, and says where a read differs. */
async function differences(backend: Backend, steps: readonly Step[]): Promise<string[]> {
  const reference = await cpu();
  const twins: Twin[] = [];
  const reads: Promise<string[]>[] = [];
  const pick = (seed: number): Twin => twins[seed % twins.length];
  const write = ({ there, here, length }: Twin, seed: number): void => {
    const offset = seed % length;
    const data = numbers(length - offset, seed);
    backend.write(vector(there, data.length, offset), data);
    reference.write(vector(here, data.length, offset), data);
  };
  const read = ({ there, here, length }: Twin, number: number): void => {
    const expected = reference.readSync?.(vector(here, length));
    const compare = (got: Float32Array): string[] => {
      const index = got.findIndex((value, i) => !Object.is(value, expected?.[i]));
      return index < 0 ? [] : [`step ${number}: element ${index} is ${got[index]}, not ${expected?.[index]}`];
    };
    reads.push(backend.read(vector(there, length)).then(compare));
  };
  const allocate = (length: number): void => {
    const twin = { there: backend.allocate(4 * length), here: reference.allocate(4 * length), length };
    twins.push(twin);
    write(twin, 0);
  };
  for (const length of lengths) allocate(length);
  for (const [number, { kind, op, length, seed }] of steps.entries()) {
    const twin = pick(seed);
    const other = pick(seed + number);
    const shared = Math.min(twin.length, other.length);
    if (kind === "allocate") allocate(length);
    if (kind === "write") write(twin, seed);
    if (kind === "read") read(twin, number);
    if (kind === "turn") await pause(0);
    if (kind === "free" && twins.length > 2) {
      twins.splice(twins.indexOf(twin), 1);
      backend.free(twin.there);
      reference.free(twin.here);
    }
    if (kind === "binary") {
      const [a, b] = [vector(twin.there, shared, twin.length - shared), vector(other.there, shared)];
      const [c, d] = [vector(twin.here, shared, twin.length - shared), vector(other.here, shared)];
      backend.kernels.binary({ op, a, b, out: seed % 2 ? a : b });
      reference.kernels.binary({ op, a: c, b: d, out: seed % 2 ? c : d });
    }
    if (kind === "copy" && twin !== other) {
      backend.kernels.copy({ x: vector(twin.there, shared), out: vector(other.there, shared) });
      reference.kernels.copy({ x: vector(twin.here, shared), out: vector(other.here, shared) });
    }
  }
  twins.forEach((twin) => read(twin, steps.length));
  const found = (await Promise.all(reads)).flat();
  for (const { there } of twins) backend.free(there);
  reference.dispose();
  return found;
}

/** A sequence runs as it would at once, on a backend that `start` gives for each. */
async function sameAsEager(start: () => Promise<Backend>, end: (backend: Backend) => void, numRuns: number): Promise<void> {
  const sequence = array(step, { minLength: 1, maxLength: 60, size: "max" });
  const property = asyncProperty(sequence, async (steps) => {
    const backend = await start();
    const found = await differences(backend, steps);
    const { liveBuffers } = backend.memory;
    end(backend);
    if (found.length > 0) throw new Error(found.join("\n"));
    if (liveBuffers !== 0) throw new Error(`${liveBuffers} buffers are left`);
  });
  await assert(property, { numRuns, seed: 4 });
}

/** That what is recorded gives what would have been done at once. */
export const recording = {
  "random sequences": async () => {
    const backend = await webgpu();
    await sameAsEager(async () => backend, () => undefined, isLong ? 1000 : 40);
    backend.dispose();
  },

  "random sequences while programs compile": () =>
    sameAsEager(() => webgpu(), (backend) => backend.dispose(), isLong ? 50 : 3),

  "more commands than a batch has": async () => {
    const backend = await webgpu();
    const [sum, term] = [vector(backend.allocate(4), 1), vector(backend.allocate(4), 1)];
    const add = (value: number): void => {
      backend.write(term, Float32Array.of(value));
      backend.kernels.binary({ op: "add", a: sum, b: term, out: sum });
    };
    backend.write(sum, Float32Array.of(0));
    add(1);
    const [first] = await backend.read(sum);
    const before = backend.work;
    for (let i = 1; i <= 2500; i++) add(i);
    const { calls, submissions } = backend.work;
    const [last] = await backend.read(sum);
    backend.dispose();
    return { first, last, calls: calls - before.calls, submissionsUnasked: submissions - before.submissions };
  },

  "more bytes than wait": async () => {
    const backend = await webgpu();
    const length = 2 ** 20;
    const x = backend.allocate(4 * length);
    backend.kernels.fill({ value: 7, out: vector(x, 1) });
    await backend.read(vector(x, 1));
    const before = backend.work.submissions;
    for (let i = 0; i < 40; i++) {
      backend.kernels.fill({ value: -1, out: vector(x, 1) });
      backend.write(vector(x, length), new Float32Array(length).fill(i));
    }
    const unasked = backend.work.submissions - before;
    const data = await backend.read(vector(x, length));
    backend.dispose();
    return { unasked, isLast: data.every((value) => value === 39) };
  },

  "operands in one buffer": async () => {
    const found: Record<string, number[]> = {};
    for (const rows of [1, 16]) {
      const backend: WebGPUBackend = await webgpu();
      const buffer = backend.allocate(4 * 4096);
      backend.write(vector(buffer, 4096), Float32Array.from({ length: 4096 }, (_, i) => i % 3));
      // x · weightᵀ + residual, where all are next to one another.
      const [x, values] = [matrix(buffer, rows, 4, 0), matrix(buffer, 4, 4, 1024)];
      const weight: WeightView = { dtype: "f32", shape: [4, 4], values, scales: null };
      const rest = { bias: null, activation: null, preactivation: null, residual: matrix(buffer, rows, 4, 2048) };
      backend.kernels.linear({ x, weight, out: matrix(buffer, rows, 4, 3072), ...rest });
      found[rows] = [...(await backend.read(vector(buffer, 4, 3072)))];
      backend.dispose();
    }
    return found;
  },

  "two backends": async () => {
    const backends = await Promise.all([webgpu(), webgpu()]);
    const read = backends.map(async (backend, i) => {
      const x = backend.allocate(16);
      backend.kernels.fill({ value: i + 1, out: vector(x, 4) });
      backend.kernels.binary({ op: "add", a: vector(x, 4), b: vector(x, 4), out: vector(x, 4) });
      return [...(await backend.read(vector(x, 4)))];
    });
    const both = await Promise.all(read);
    backends[0].dispose();
    const x = backends[1].allocate(4);
    backends[1].kernels.fill({ value: 9, out: vector(x, 1) });
    const [after] = await backends[1].read(vector(x, 1));
    backends[1].dispose();
    return { both, after };
  },

  profile: async () => {
    const backend = await webgpu({ profile: true });
    const x = backend.allocate(16);
    const use = async () => {
      for (let i = 0; i < 1500; i++) backend.kernels.fill({ value: i, out: vector(x, 4) });
      backend.kernels.binary({ op: "add", a: vector(x, 4), b: vector(x, 4), out: vector(x, 4) });
      const before = backend.work;
      const times = await backend.profile();
      const calls = Object.fromEntries(times.map(({ kernel, calls }) => [kernel, calls]));
      const areTimes = times.every(({ milliseconds }) => milliseconds >= 0 && milliseconds < 60_000);
      return { calls, work: before.calls, areTimes };
    };
    const seen = [await use(), await use(), (await backend.profile()).length];
    backend.dispose();
    return seen;
  },
};
