import { advance, leb, localGet, localSet, loopModule, simd, splat } from "./emit.ts";
import type { Loop } from "./emit.ts";

/** What one thread can do at the most, shown by code that does nothing else. */
export interface Limit {
  /** Floating-point operations, or bytes, of one call. */
  readonly amount: number;
  /** Does it, and returns bits that depend on all of it. */
  call(): number;
}

const opcodes = { load: 0x00, or: 0x50, add: 0xe4, mul: 0xe6, relaxedMadd: 0x105 };
/** Independent chains: enough to hide the latency, few enough for the fifteen registers that V8 gives out. */
const chains = 12;
const accumulators = Array.from({ length: chains }, (_, i) => 1 + i);

/** Arithmetic on vectors of four f32, `a = a · x + y`: one instruction in the relaxed build, two in the plain one. */
export function arithmeticLimit(build: "relaxed" | "simd"): Limit {
  const [x, y] = [chains + 1, chains + 2];
  const step = (a: number): number[] =>
    build === "relaxed"
      ? [...localGet(a), ...localGet(x), ...localGet(y), ...simd(opcodes.relaxedMadd), ...localSet(a)]
      : [...localGet(a), ...localGet(x), ...simd(opcodes.mul), ...localGet(y), ...simd(opcodes.add), ...localSet(a)];
  const [unrolled, loops] = [8, 20_000];
  const steps = Array.from({ length: unrolled }, () => accumulators.flatMap(step)).flat();
  const body = [...splat(0.5), ...localSet(x), ...splat(1), ...localSet(y), ...steps];
  const call = start({ body, last: merge(opcodes.add), vectors: chains + 2 }, loops);
  return { amount: 2 * 4 * chains * unrolled * loops, call };
}

/** One pass of reading over a buffer, which must be larger than the last cache. */
export function readLimit(megabytes: number): Limit {
  const [unrolled, pointer] = [16, chains + 1];
  const read = (i: number): number[] => {
    const a = accumulators[i % chains];
    const load = simd(opcodes.load, 4, ...leb(16 * i));
    return [...localGet(a), ...localGet(pointer), ...load, ...simd(opcodes.or), ...localSet(a)];
  };
  const body = [...Array.from({ length: unrolled }, (_, i) => read(i)).flat(), ...advance(pointer, 16 * unrolled)];
  const pages = megabytes * 16;
  const bytes = pages * 65_536;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  new Uint8Array(memory.buffer).fill(1); // Pages that were never written are all the same page of zeros.
  const loop = { body, last: merge(opcodes.or), vectors: chains, pages };
  return { amount: bytes, call: start(loop, bytes / (16 * unrolled), memory) };
}

/** All accumulators in one vector. */
function merge(opcode: number): number[] {
  return accumulators.slice(1).reduce((code, a) => [...code, ...localGet(a), ...simd(opcode)], localGet(1));
}

function start(loop: Loop, count: number, memory?: WebAssembly.Memory): () => number {
  const imports: WebAssembly.Imports = memory ? { env: { memory } } : {};
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(loopModule(loop)), imports);
  const run = exports.run as (count: number) => number;
  return () => run(count);
}
