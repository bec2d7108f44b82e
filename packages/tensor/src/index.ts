export type {
  Activation, AttentionSequence, Backend, CacheDType, DecayRange, Dense, EncodedRows, FloatWeightView, FusedKernels, Gate,
  Kernels, MemoryUse, PackedCacheDType, PackedDType, PackedView, RequiredKernels, View, WeightCodec, WeightDType, WeightView,
} from "./contract/index.ts";
export { pageRows } from "./attention-sequences.ts";
export { AttentionBatch } from "./core/attention-batch.ts";
export type { SequenceTokens } from "./core/attention-batch.ts";
export { currentBackend, startDefaultBackend, useBackend } from "./core/backend.ts";
export { arange, full, ones, rand, randn, tensor, zeros } from "./core/create.ts";
export type { CreateOptions, Nested, NormalOptions, RandomOptions } from "./core/create.ts";
/** @internal Random numbers by key, for the packages above. */
export { normalValues, uniformValues } from "./core/create.ts";
export { manualSeed } from "./core/generator.ts";
/** @internal */
export { nextKey } from "./core/generator.ts";
export { setMemoryWarning } from "./core/memory-warning.ts";
export { keep, scope } from "./core/scope.ts";
export { PackedWeight } from "./core/packed-weight.ts";
export type { Weight } from "./core/packed-weight.ts";
export { noGrad } from "./core/tape.ts";
export { Tensor } from "./core/tensor.ts";
export type { AnyTensor, Layout } from "./core/tensor.ts";
export type { DataOf, DType } from "./dtype.ts";
export { CodedError, isGptError, printable, printableMessage, quote } from "@gpt/common";
export { TensorError } from "./errors.ts";
export type { TensorErrorCode } from "./errors.ts";
/** @internal Checks of arguments and options, for the packages above. */
export {
  anything, belowOne, callback, checkArgument, checkArguments, flag, listOf, nonNegative, numberThat,
  object, objectWith, oneOf, oneOrMore, optional, readOptions, seed, text, valueThat, wholeNumber,
} from "./expectations.ts";
/** @internal */
export type { Expectation, Expectations } from "./expectations.ts";
export { gelu, relu, silu } from "./ops/activations.ts";
export { attention } from "./ops/attention.ts";
export type { AttentionArguments } from "./ops/attention-arguments.ts";
export type { AttentionCache } from "./ops/attention-cache.ts";
export {
  abs, add, cos, div, equal, erfc, exp, greater, less, log, maximum, minimum, mul, neg, pow, rsqrt, sigmoid, sign, sin,
  sqrt, sub, tanh, where,
} from "./ops/elementwise.ts";
export type { Operand } from "./ops/elementwise.ts";
export { checkpoint } from "./ops/checkpoint.ts";
export { gated } from "./ops/gated.ts";
export { groupedLinear } from "./ops/grouped.ts";
export { embedding, gather, scatterAdd } from "./ops/indexing.ts";
export { linearCrossEntropy } from "./ops/linear-cross-entropy.ts";
export type { LinearCrossEntropyOptions } from "./ops/linear-cross-entropy.ts";
export { crossEntropy } from "./ops/loss.ts";
export type { CrossEntropyOptions } from "./ops/loss.ts";
export { matmul } from "./ops/matmul.ts";
export { cast, concat, contiguous, copyInto, expand, permute, reshape, slice, split, stack, transpose } from "./ops/movement.ts";
export { layerNorm, logSoftmax, rmsNorm, softmax } from "./ops/normalization.ts";
export { adamwStep, norm } from "./ops/optimizer.ts";
export type { AdamWStep } from "./ops/optimizer.ts";
export { dropout } from "./ops/random.ts";
export { argmax, max, mean, min, sum } from "./ops/reduce.ts";
export type { ArgmaxOptions, ReduceOptions } from "./ops/reduce.ts";
export { rotary } from "./ops/rotary.ts";
export type { RotaryOptions } from "./ops/rotary.ts";
export { penalizeRepeats, sample } from "./ops/sampling.ts";
export type { RowNumbers, SampleOptions } from "./ops/sampling.ts";
export { topK } from "./ops/top-k.ts";
export type { Largest } from "./ops/top-k.ts";
export { linear } from "./ops/weights.ts";
export type { LinearOptions } from "./ops/weights.ts";
export { decodeParts, encodeParts, joinRows, pickRows, takeRows } from "./packed-parts.ts";
export type { PackedParts } from "./packed-parts.ts";
export { philoxBlock } from "./philox.ts";
export type { PhiloxKey } from "./philox.ts";
export type { Shape, Strides } from "./shape.ts";
/** @internal The names of dtypes, and the shapes of what they store, for the packages above. */
export { cacheDTypes, partShapes, weightDTypes } from "./weight-format.ts";
