export { tokenizerFromGGUF } from "./gguf/read.ts";
export { tokenizerToGGUF } from "./gguf/write.ts";
export type { TokenizerToGGUFOptions } from "./gguf/write.ts";
