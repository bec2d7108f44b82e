import { closeSync, openSync } from "node:fs";
import type { GPTConfig } from "@gpt/gpt";
import { sizeOf } from "./numbers.ts";
import { randomWeights, weightShapes, writeAll } from "./weights.ts";
import type { WeightShape } from "./weights.ts";

/** How the matrices are stored; biases, norms and positions stay f32. */
export type GgufFormat = "F32" | "F16" | "Q8_0";

const alignment = 32;
const types: Record<GgufFormat, { readonly tensor: number; readonly file: number }> = {
  F32: { tensor: 0, file: 0 },
  F16: { tensor: 1, file: 1 },
  Q8_0: { tensor: 8, file: 7 },
};

/** Names of llama.cpp's architecture `gpt2` for our modules. */
const names: Readonly<Record<string, string>> = {
  tokenEmbedding: "token_embd",
  positionEmbedding: "position_embd",
  finalNorm: "output_norm",
  attentionNorm: "attn_norm",
  "attention.qkv": "attn_qkv",
  "attention.projection": "attn_output",
  mlpNorm: "ffn_norm",
  "mlp.up": "ffn_up",
  "mlp.down": "ffn_down",
};

/**
 * Writes the model of `randomWeights` as llama.cpp reads it: GGUF version 3 with the architecture `gpt2`. The tokenizer
 * is there for form's sake: single bytes, and words that are numbers.
 */
export function writeGguf(file: string, config: GPTConfig, format: GgufFormat): void {
  const tensors = weightShapes(config).map((weight) => {
    const type: GgufFormat = isMatrix(weight) ? format : "F32";
    return { weight, type, bytes: packedBytes(sizeOf(weight.shape), type) };
  });
  const metadata = [...modelMetadata(config, format), ...tokenizerMetadata(config.vocabSize)];
  let offset = 0;
  const infos = tensors.map(({ weight: { path, shape }, type, bytes }) => {
    const info = [
      string(tensorName(path)),
      u32(shape.length),
      ...shape.toReversed().map(u64),
      u32(types[type].tensor),
      u64(offset),
    ];
    offset += aligned(bytes);
    return Buffer.concat(info);
  });
  const head = Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata,
    ...infos,
  ]);
  const descriptor = openSync(file, "wx");
  try {
    writeAll(descriptor, Buffer.concat([head], aligned(head.length)));
    for (const { weight, type, bytes } of tensors) {
      const stored = encode(randomWeights(weight), type);
      writeAll(descriptor, Buffer.concat([stored], aligned(bytes)));
    }
  } finally {
    closeSync(descriptor);
  }
}

function modelMetadata(
  { contextLength, dim, blocks }: GPTConfig,
  format: GgufFormat,
): Buffer[] {
  const [{ norm, attention, mlp }] = blocks;
  if (mlp.type !== "dense") throw new Error(`this writes gpt2 files, not ${mlp.type} feed-forward layers`);
  return [
    entry("general.architecture", value.string("gpt2")),
    entry("general.name", value.string("random weights")),
    entry("general.file_type", value.u32(types[format].file)),
    entry("gpt2.context_length", value.u32(contextLength)),
    entry("gpt2.embedding_length", value.u32(dim)),
    entry("gpt2.feed_forward_length", value.u32(mlp.hiddenDim)),
    entry("gpt2.block_count", value.u32(blocks.length)),
    entry("gpt2.attention.head_count", value.u32(attention.heads)),
    entry("gpt2.attention.layer_norm_epsilon", value.f32(norm.epsilon)),
  ];
}

function tokenizerMetadata(vocabSize: number): Buffer[] {
  const bytes = byteAlphabet().slice(0, vocabSize);
  const tokens = [...bytes, ...Array.from({ length: vocabSize - bytes.length }, (_, i) => `<${i}>`)];
  return [
    entry("tokenizer.ggml.model", value.string("gpt2")),
    entry("tokenizer.ggml.pre", value.string("gpt-2")),
    entry("tokenizer.ggml.tokens", value.strings(tokens)),
    entry("tokenizer.ggml.token_type", value.i32s(tokens.map(() => 1))),
    entry("tokenizer.ggml.merges", value.strings([`${bytes[0]} ${bytes[1]}`])),
    entry("tokenizer.ggml.bos_token_id", value.u32(vocabSize - 1)),
    entry("tokenizer.ggml.eos_token_id", value.u32(vocabSize - 1)),
  ];
}

/** GPT-2's characters for single bytes. */
function byteAlphabet(): string[] {
  const isVisible = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let hidden = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isVisible(byte) ? byte : 256 + hidden++));
}

function tensorName(path: string): string {
  const [, block, module, parameter] = /^(?:blocks\.(\d+)\.)?(.*)\.(weight|bias)$/.exec(path) ?? [];
  return `${block === undefined ? "" : `blk.${block}.`}${names[module]}.${parameter}`;
}

function isMatrix({ path, shape }: WeightShape): boolean {
  return shape.length === 2 && !path.startsWith("positionEmbedding");
}

function packedBytes(count: number, type: GgufFormat): number {
  return type === "F32" ? count * 4 : type === "F16" ? count * 2 : (count / 32) * 34;
}

function encode(values: Float32Array<ArrayBuffer>, type: GgufFormat): Buffer {
  if (type === "F32") return Buffer.from(values.buffer);
  if (type === "F16") return Buffer.from(Float16Array.from(values).buffer);
  return encodeQ8(values);
}

/** Blocks of 32 values: a scale in f16, then codes of 8 bits. */
function encodeQ8(values: Float32Array): Buffer {
  const out = Buffer.alloc(packedBytes(values.length, "Q8_0"));
  const half = new Float16Array(1);
  const halfBits = new Uint16Array(half.buffer);
  for (let block = 0; block < values.length / 32; block++) {
    let max = 0;
    for (let i = 0; i < 32; i++) max = Math.max(max, Math.abs(values[block * 32 + i]));
    half[0] = max / 127;
    out.writeUInt16LE(halfBits[0], block * 34);
    const inverse = max > 0 ? 127 / max : 0;
    for (let i = 0; i < 32; i++) out.writeInt8(Math.round(values[block * 32 + i] * inverse), block * 34 + 2 + i);
  }
  return out;
}

const value = {
  u32: (content: number) => [u32(4), u32(content)],
  f32: (content: number) => [u32(6), Buffer.from(Float32Array.of(content).buffer)],
  string: (content: string) => [u32(8), string(content)],
  strings: (content: readonly string[]) => [u32(9), u32(8), u64(content.length), ...content.map(string)],
  i32s: (content: readonly number[]) => [
    u32(9),
    u32(5),
    u64(content.length),
    Buffer.from(Int32Array.from(content).buffer),
  ],
};

function entry(key: string, content: readonly Buffer[]): Buffer {
  return Buffer.concat([string(key), ...content]);
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
