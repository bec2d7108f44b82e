/** The kernels that products by a library need beside those of `index.ts`, in a module that runs on the same memory. */
export { clearRows, softmaxBlock, softmaxGradientBlock } from "./attention-blocks";
export { unpackRows } from "./weights-pack";

/** The first address behind the data of these kernels, which lie behind that of the others. */
export const heapBase: usize = __heap_base;
