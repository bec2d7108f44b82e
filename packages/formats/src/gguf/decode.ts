import { bfloatToFloat, halfToFloat } from "@gpt/common";
import { ggufFormats } from "./types.ts";
import type { GGUFType } from "./types.ts";

/** Elements of rows, from their bytes: whole blocks. What llama.cpp makes of them, bit for bit (ggml-quants.c, dequantize_row_*). */
export function decodeGGUF(type: GGUFType, bytes: Uint8Array): Float32Array {
  const { block, bytes: size } = ggufFormats[type];
  const blocks = bytes.length / size;
  const out = new Float32Array(blocks * block);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decode = decoders[type];
  for (let i = 0; i < blocks; i++) decode(view, i * size, out, i * block);
  return out;
}

/** Writes the elements of the block whose bytes begin at `at`. Products are exact until they are stored, and sums are rounded once. */
type Decoder = (view: DataView, at: number, out: Float32Array, to: number) => void;

const decoders: Readonly<Record<GGUFType, Decoder>> = {
  f32: (view, at, out, to) => void (out[to] = view.getFloat32(at, true)),
  f16: (view, at, out, to) => void (out[to] = half(view, at)),
  bf16: (view, at, out, to) => void (out[to] = bfloatToFloat(view.getUint16(at, true))),
  q4_0(view, at, out, to) {
    const scale = half(view, at);
    nibbles(view, at + 2, out, to, (code) => (code - 8) * scale);
  },
  q4_1(view, at, out, to) {
    const [scale, least] = [half(view, at), half(view, at + 2)];
    nibbles(view, at + 4, out, to, (code) => code * scale + least);
  },
  q5_0(view, at, out, to) {
    const [scale, high] = [half(view, at), view.getUint32(at + 2, true)];
    nibbles(view, at + 6, out, to, (code, i) => (code + 16 * ((high >>> i) & 1) - 16) * scale);
  },
  q5_1(view, at, out, to) {
    const [scale, least, high] = [half(view, at), half(view, at + 2), view.getUint32(at + 4, true)];
    nibbles(view, at + 8, out, to, (code, i) => (code + 16 * ((high >>> i) & 1)) * scale + least);
  },
  q8_0(view, at, out, to) {
    const scale = half(view, at);
    for (let i = 0; i < 32; i++) out[to + i] = view.getInt8(at + 2 + i) * scale;
  },
  iq4_nl(view, at, out, to) {
    const scale = half(view, at);
    nibbles(view, at + 2, out, to, (code) => unevenSteps[code] * scale);
  },
  mxfp4(view, at, out, to) {
    // Half of the scale, for twice the values; as in llama.cpp 255 is a power of two, and not NaN.
    const scale = 2 ** (view.getUint8(at) - 128);
    nibbles(view, at + 1, out, to, (code) => fp4[code] * scale);
  },
  q2_K(view, at, out, to) {
    const [scale, least] = [half(view, at + 80), half(view, at + 82)];
    for (let i = 0; i < 256; i++) {
      const scales = view.getUint8(at + (i >> 4));
      const code = (view.getUint8(at + 16 + ((i >> 7) << 5) + (i & 31)) >> (((i >> 5) & 3) * 2)) & 3;
      out[to + i] = scale * (scales & 15) * code - least * (scales >> 4);
    }
  },
  q3_K(view, at, out, to) {
    const scale = half(view, at + 108);
    for (let i = 0; i < 256; i++) {
      const group = i >> 4;
      // 16 scales of six bits: their lower four in eight bytes, the upper two in four.
      const low = (view.getUint8(at + 96 + (group & 7)) >> ((group >> 3) * 4)) & 15;
      const high = (view.getUint8(at + 104 + (group & 3)) >> ((group >> 2) * 2)) & 3;
      const code = (view.getUint8(at + 32 + ((i >> 7) << 5) + (i & 31)) >> (((i >> 5) & 3) * 2)) & 3;
      const isHigh = (view.getUint8(at + (i & 31)) >> (i >> 5)) & 1;
      out[to + i] = scale * ((low | (high << 4)) - 32) * (code - (isHigh ? 0 : 4));
    }
  },
  q4_K(view, at, out, to) {
    const [scale, least] = [half(view, at), half(view, at + 2)];
    for (let group = 0; group < 8; group++) {
      const [factor, offset] = scalesOf(view, at + 4, group);
      const [step, base, from, shift] = [scale * factor, least * offset, at + 16 + (group >> 1) * 32, (group & 1) * 4];
      for (let i = 0; i < 32; i++) out[to + group * 32 + i] = step * ((view.getUint8(from + i) >> shift) & 15) - base;
    }
  },
  q5_K(view, at, out, to) {
    const [scale, least] = [half(view, at), half(view, at + 2)];
    for (let group = 0; group < 8; group++) {
      const [factor, offset] = scalesOf(view, at + 4, group);
      const [step, base, from, shift] = [scale * factor, least * offset, at + 48 + (group >> 1) * 32, (group & 1) * 4];
      for (let i = 0; i < 32; i++) {
        const high = (view.getUint8(at + 16 + i) >> group) & 1;
        out[to + group * 32 + i] = step * (((view.getUint8(from + i) >> shift) & 15) + 16 * high) - base;
      }
    }
  },
  q6_K(view, at, out, to) {
    const scale = half(view, at + 208);
    for (let i = 0; i < 256; i++) {
      const [part, group, column] = [i >> 7, (i >> 5) & 3, i & 31];
      const low = (view.getUint8(at + part * 64 + (group & 1) * 32 + column) >> ((group >> 1) * 4)) & 15;
      const high = (view.getUint8(at + 128 + part * 32 + column) >> (group * 2)) & 3;
      out[to + i] = scale * view.getInt8(at + 192 + (i >> 4)) * ((low | (high << 4)) - 32);
    }
  },
};

function half(view: DataView, at: number): number {
  return halfToFloat(view.getUint16(at, true));
}

/** Half bytes: byte `j` has those of elements `j` and `j + 16`. */
function nibbles(view: DataView, at: number, out: Float32Array, to: number, toFloat: (code: number, i: number) => number): void {
  for (let j = 0; j < 16; j++) {
    const byte = view.getUint8(at + j);
    out[to + j] = toFloat(byte & 15, j);
    out[to + j + 16] = toFloat(byte >> 4, j + 16);
  }
}

/** The six bits of a group's scale, and of its least value (get_scale_min_k4). */
function scalesOf(view: DataView, at: number, group: number): [scale: number, least: number] {
  const byte = (i: number): number => view.getUint8(at + i);
  if (group < 4) return [byte(group) & 63, byte(group + 4) & 63];
  return [(byte(group + 4) & 15) | ((byte(group - 4) >> 6) << 4), (byte(group + 4) >> 4) | ((byte(group) >> 6) << 4)];
}

/** ggml-common.h, kvalues_mxfp4: twice what the codes of mxfp4 are, of which 8 is no negative zero there. */
export const fp4 = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/** ggml-common.h, kvalues_iq4nl. */
const unevenSteps = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
