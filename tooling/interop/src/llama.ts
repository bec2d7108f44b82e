import { createRequire } from "node:module";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { ggufFormats } from "@gpt/formats/gguf";
import type { GGUFType } from "@gpt/formats/gguf";
import koffi from "koffi";

/** The folder of llama.cpp's libraries that node-llama-cpp brings for this machine. */
export function llamaFolder(): string {
  const inside = createRequire(import.meta.resolve("node-llama-cpp"));
  const name = `${process.platform}-${process.arch}`;
  const entry = inside.resolve(`@node-llama-cpp/${name}`);
  const folder = join(dirname(entry), "..", "bins", name);
  readdirSync(folder);
  return folder;
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
