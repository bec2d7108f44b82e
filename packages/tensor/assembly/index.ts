/** The kernels, by family. What they take stands at each; addresses and steps are in bytes. */
export { attend, attendOne, attendOneScratch, attendScratch } from "./attention";
export { attendGradient, attendGradientScratch } from "./attention-gradient";
export { copyStrided, toFloat, truncate } from "./copy";
export {
  abs, add, affine, cos, div, equal, erfc, exp, gelu, geluGradient, less, log, maximum, minimum, mul, pow, relu,
  reluGradient, rsqrt, select, sigmoid, sign, silu, siluGradient, sin, sqrt, sub, tanh,
} from "./elementwise";
export { gated, gatedGradient } from "./gated";
export { firstOutside, gatherRows, scatterAddRows } from "./indexing";
export { countTargets, crossEntropy, crossEntropyGradient } from "./loss";
export { finishRows, multiplyBlock, tileBytes } from "./matmul";
export { multiplyColumns, multiplyRows } from "./matvec";
export {
  addLayerNormSums, layerNorm, layerNormBlock, layerNormGradient, logSoftmax, logSoftmaxGradient, softmax,
  softmaxGradient,
} from "./normalization";
export { adamw, rootOfSums, squaresBlock, sumSquares } from "./optimizer";
export { packedLeftBytes, packedRightBytes, packLeft } from "./pack";
export { dropout, uniform } from "./random";
export { argmaxRows, maxColumns, maxRows, minColumns, minRows, sumColumns, sumRows } from "./reduce";
export { addRMSNormSums, rmsNorm, rmsNormBlock, rmsNormGradient } from "./rms-norm";
export { rotary } from "./rotary";
export { topK } from "./top-k";
export { append } from "./vectors";
export { gatherPacked } from "./weights";
export { encodedRowBytes, encodeRows, multiplyPacked, multiplyPackedScratch } from "./weights-matvec";
export { packWeightsScratch } from "./weights-pack";

/** Whether this is the relaxed build. */
export const relaxed: bool = ASC_FEATURE_RELAXED_SIMD;

/** The first address behind the kernels' own data. */
export const heapBase: usize = __heap_base;
