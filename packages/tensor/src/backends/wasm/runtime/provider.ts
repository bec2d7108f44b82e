/** What computes products in place of the kernels here. It is injected, so that only programs that use it carry it. */
import type { AttentionSequence } from "../../../contract/index.ts";
import type { WasmExports } from "../../../generated/wasm-exports.ts";
import type { Products } from "../kernels/gemm.ts";
import type { Engine } from "./engine.ts";

/** What a worker has beside the compiled kernels: its script, and what that makes them from, `Assignment.added`. */
export interface WorkerKernels {
  readonly script: string;
  readonly from: unknown;
}

/** Kernels that a provider brings, on every thread. */
export interface ProviderKernels {
  /** The first address behind the data of all kernels. */
  readonly heapBase: WebAssembly.Global;
  /**
   * A block of a product in f32, and what follows it: `out = a · b`, or `out += a · b`, then `finishRows` where it has
   * anything to do. Rows of `a` and `b` as they lie, transposed or not, are `aRow` and `bRow` bytes apart.
   */
  multiplyDense(
    aTransposed: boolean | number, bTransposed: boolean | number, rows: number, columns: number, inner: number,
    a: number, aRow: number, b: number, bRow: number, add: boolean | number, out: number, outRow: number,
    bias: number, activation: number, preactivation: number, residual: number,
  ): void;

  /**
   * The same of a packed weight, whose rows are the columns of `b`, or where `alongInner` its rows. `first` is the block of
   * these rows where `b` begins. Rows of the weight are unpacked `lines` at a time, into `panel`.
   */
  multiplyUnpacked(
    aTransposed: boolean | number, alongInner: boolean | number, rows: number, columns: number, inner: number,
    a: number, aRow: number, format: number, values: number, valueStep: number, scales: number, scaleStep: number,
    first: number, out: number, outRow: number,
    bias: number, activation: number, preactivation: number, residual: number, lines: number, panel: number,
  ): void;

  /** `attend` of f32 without pages, and `attendGradient`, by products of matrices, with scratch memory as the provider says. */
  attendByProducts(
    q: number, qRow: number, qHead: number, k: number, kRow: number, v: number, vRow: number,
    sinks: number, out: number, outRow: number, statistics: number, statisticsRow: number,
    heads: number, queryCount: number, keyCount: number, headDim: number,
    scale: number, causal: boolean | number, window: number, scratch: number,
  ): void;
  attendGradientByProducts(...values: Numbers<Parameters<WasmExports["attendGradient"]>>): void;
}

/** The arguments of a kernel; conditions come from the queue as numbers. */
type Numbers<Values extends readonly unknown[]> = {
  [Index in keyof Values]: Values[Index] extends boolean ? boolean | number : Values[Index];
};

export interface ProductProvider {
  /** What computes, with its version: a part of the backend's name. */
  readonly name: string;
  /** The kernels of the calling thread, and what gives them to workers in the same order. */
  kernelsOn(exports: WasmExports, memory: WebAssembly.Memory): { readonly kernels: ProviderKernels; readonly added: WorkerKernels };
  /** Makes products, and what follows them. False for those that the kernels here are to make. */
  multiply(engine: Engine, products: Products): boolean;
  /** Whether attention of a sequence of f32 without pages is to be made by products. The same for its gradient. */
  attends(sequence: Pick<AttentionSequence, "queryCount">): boolean;
  /** Bytes that a thread needs for that. */
  attentionScratch(keyCount: number, window: number, isGradient: boolean): number;
}
