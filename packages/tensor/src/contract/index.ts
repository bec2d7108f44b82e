/**
 * The contract between the ops and a backend: memory, and one typed table of kernels. Everything here is an
 * interface; a backend imports this folder and the plain helpers beside it, nothing else of this package.
 */
import type { DataOf, DType } from "../dtype.ts";
import type { PackedDType } from "../weight-format.ts";
import type { AttentionKernels } from "./attention.ts";
import type { ActivationKernels, ElementwiseKernels } from "./elementwise.ts";
import type { GatedKernels } from "./gated.ts";
import type { GroupedKernels } from "./grouped.ts";
import type { IndexingKernels } from "./indexing.ts";
import type { LossKernels } from "./loss.ts";
import type { MatmulKernels } from "./matmul.ts";
import type { NormalizationKernels, RMSNormKernels } from "./normalization.ts";
import type { OptimizerKernels } from "./optimizer.ts";
import type { DropoutKernels, RandomKernels } from "./random.ts";
import type { ReduceKernels } from "./reduce.ts";
import type { RotaryKernels } from "./rotary.ts";
import type { SamplingKernels } from "./sampling.ts";
import type { TopKKernels } from "./top-k.ts";
import type { Dense } from "./view.ts";
import type { WeightKernels } from "./weights.ts";

export type { CacheDType, PackedCacheDType, PackedDType, WeightDType } from "../weight-format.ts";
export type {
  AttentionBatchView, AttentionKernels, AttentionMask, AttentionOptions, AttentionSequence, FloatVectorsView, PackedVectorsView,
  VectorsView,
} from "./attention.ts";
export type { Activation, ActivationKernels, BinaryOp, ElementwiseKernels, UnaryOp } from "./elementwise.ts";
export type { GatedKernels, Gate } from "./gated.ts";
export type { GroupedKernels } from "./grouped.ts";
export type { IndexingKernels } from "./indexing.ts";
export type { LossKernels } from "./loss.ts";
export type { MatmulKernels } from "./matmul.ts";
export type { NormalizationKernels, RMSNormKernels } from "./normalization.ts";
export type { DecayRange, OptimizerKernels } from "./optimizer.ts";
export type { DropoutKernels, RandomKernels } from "./random.ts";
export type { ReduceKernels, ReduceOp } from "./reduce.ts";
export type { RotaryKernels } from "./rotary.ts";
export type { SamplingKernels } from "./sampling.ts";
export type { TopKKernels } from "./top-k.ts";
export type { Dense, View } from "./view.ts";
export type {
  EncodedRows, FloatWeightView, PackedView, WeightCodec, WeightKernels, WeightView,
} from "./weights.ts";

/** What every backend computes: one that lacks such a kernel does not compile. */
export interface RequiredKernels
  extends ElementwiseKernels,
    ReduceKernels,
    MatmulKernels,
    IndexingKernels,
    RandomKernels,
    SamplingKernels {}

/**
 * What a backend may compute at once. Where it has no such kernel, ops compose the same of required ones, to the same numbers;
 * `withCompositions` of `@gpt/tensor/compositions` gives it what they need. It may have a kernel without that of its gradient.
 * Packed weights need all of `WeightKernels`, caches of them `append`.
 */
export interface FusedKernels
  extends ActivationKernels,
    WeightKernels,
    NormalizationKernels,
    RMSNormKernels,
    RotaryKernels,
    GatedKernels,
    TopKKernels,
    GroupedKernels,
    AttentionKernels,
    LossKernels,
    DropoutKernels,
    OptimizerKernels {}

/** The table from op to kernel. */
export type Kernels = RequiredKernels & Partial<FusedKernels>;

/** What a backend holds at the moment, and at most so far. */
export interface MemoryUse {
  /** Buffers that were allocated and not freed. */
  readonly liveBuffers: number;
  /** Their bytes. */
  readonly liveBytes: number;
  /** The largest value of `liveBytes` so far. */
  readonly peakBytes: number;
  /** How many bytes the backend can hold at most; absent where that is for the machine to say. */
  readonly maxBytes?: number;
}

/**
 * A place where tensors live and ops run. Kernels may run later than they are called, in order; `read` waits for
 * them. Kernels are called with valid arguments only: shapes, dtypes and layouts are the ops' duty.
 */
export interface Backend {
  /** `cpu`, `wasm`, …: shown in messages and logs. */
  readonly name: string;
  readonly kernels: Kernels;
  readonly memory: MemoryUse;
  /** Whether tensors have shapes and no values, for planning: what would only be written is not computed then. */
  readonly isMeta?: boolean;
  /** The dtypes that packed weights may have. */
  readonly packedDTypes: readonly PackedDType[];

  /** A buffer of at least `byteLength` bytes, contents unspecified. Throws `out-of-memory`. */
  allocate(byteLength: number): number;
  free(buffer: number): void;

  /** Copies `data` into `view`, which has as many elements. */
  write<D extends DType>(view: Dense<D>, data: DataOf<D>): void;
  /** A copy of the elements of `view`. */
  read<D extends DType>(view: Dense<D>): Promise<DataOf<D>>;
  /** The same at once, where the memory can be reached without waiting. */
  readSync?<D extends DType>(view: Dense<D>): DataOf<D>;

  /** Frees all that the backend holds; using it or its tensors afterwards throws. */
  dispose(): void;
}
