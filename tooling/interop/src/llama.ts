import { createRequire } from "node:module";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { ggufFormats } from "@gpt/formats/gguf";
import type { GGUFType } from "@gpt/formats/gguf";
import koffi from "koffi";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import type { Llama, LlamaContextSequence } from "node-llama-cpp";

/** llama.cpp on one thread of the processor, as node-llama-cpp brings it. */
export function startLlama(): Promise<Llama> {
  return getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false, maxThreads: 1, logLevel: LlamaLogLevel.error });
}

/** What `use` makes of a file in llama.cpp, with its keys and values in f32. */
export async function inLlama<T>(llama: Llama, modelPath: string, use: (sequence: LlamaContextSequence) => Promise<T>): Promise<T> {
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const context = await model.createContext({
    contextSize: 128, batchSize: 128, threads: { ideal: 1, min: 1 }, experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32",
  });
  try {
    return await use(context.getSequence());
  } finally {
    await context.dispose();
    await model.dispose();
  }
}

/** The folder of llama.cpp's libraries that node-llama-cpp brings for this machine. */
export function llamaFolder(): string {
  const inside = createRequire(import.meta.resolve("node-llama-cpp"));
  const name = `${process.platform}-${process.arch}`;
  const entry = inside.resolve(`@node-llama-cpp/${name}`);
  const folder = join(dirname(entry), "..", "bins", name);
  readdirSync(folder);
  return folder;
}

/** llama.h, llama_ftype: what llama.cpp's quantize makes of a model. */
export const fileTypes = {
  f16: 1, q4_0: 2, q4_1: 3, q8_0: 7, q5_0: 8, q5_1: 9, q2_K: 10, q3_K: 12, q4_K: 15, q5_K: 17, q6_K: 18, iq4_nl: 25, bf16: 32, mxfp4: 38,
} as const;

/** Lets llama.cpp write a model in another type (llama.h, llama_model_quantize), all tensors that it quantises alike. */
export function quantize(from: string, to: string, type: keyof typeof fileTypes): void {
  const name = readdirSync(llamaFolder()).find((name) => /^libllama\.(?!common).*so$/.test(name));
  const library = koffi.load(join(llamaFolder(), name ?? "libllama.so"));
  // What follows the flags are pointers that stay null, and what later versions add.
  const Params = koffi.struct({
    threads: "int32", type: "int32", outputType: "int32", embeddingType: "int32",
    allowRequantize: "bool", quantizeOutput: "bool", onlyCopy: "bool", pure: "bool", rest: koffi.array("uint8", 108),
  });
  const defaults = library.func("llama_model_quantize_default_params", Params, []);
  const run = library.func("llama_model_quantize", "uint32", ["str", "str", koffi.pointer(Params)]);
  const result = run(from, to, { ...(defaults() as object), threads: 1, type: fileTypes[type], pure: type !== "mxfp4" }) as number;
  if (result !== 0) throw new Error(`llama_model_quantize gives ${result} for ${type}`);
}

/** llama.cpp's own conversions, called in its library (ggml.h, ggml-quants.h). */
export class Ggml {
  readonly #library = koffi.load(join(llamaFolder(), "libggml-base.so"));
  readonly #quantize = this.#library.func(
    "size_t ggml_quantize_chunk(int type, const float *src, _Out_ uint8_t *dst, int64_t start, int64_t nrows, int64_t n_per_row, const float *imatrix)",
  );

  /** Bytes of elements, as llama.cpp's quantize makes them. */
  encode(type: GGUFType, elements: Float32Array): Uint8Array {
    const { id, block, bytes } = ggufFormats[type];
    const columns = Math.max(block, 32);
    const out = new Uint8Array((elements.length / block) * bytes);
    this.#quantize(id, elements, out, 0, elements.length / columns, columns, null);
    return out;
  }

  /** Elements of blocks. */
  decode(type: GGUFType, bytes: Uint8Array): Float32Array {
    const { block, bytes: size } = ggufFormats[type];
    const out = new Float32Array((bytes.length / size) * block);
    const decode = this.#library.func(`void dequantize_row_${type}(const uint8_t *x, _Out_ float *y, int64_t k)`);
    decode(bytes, out, out.length);
    return out;
  }
}
