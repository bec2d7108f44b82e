import { madd, nmadd, storeUpTo4 } from "./simd";

/**
 * Turns the halves of the first `heads` parts of `headDim` columns in rows of `columns`, and copies the others. Each row has
 * its cosines and then its sines in the row of the table that its position names; `sign` is that of the sines.
 */
export function rotary(
  x: usize, rows: i32, columns: i32, table: usize, positions: usize, heads: i32, headDim: i32, sign: f32, out: usize,
): void {
  const half = headDim >> 1;
  const step = <usize>headDim * 4;
  const rest = <usize>(columns - heads * headDim) * 4;
  const signs = f32x4.splat(sign);
  for (; rows > 0; rows--) {
    const cosines = table + <usize>load<u32>(positions) * step;
    positions += 4;
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < half; i += 4) {
        const at = <usize>i * 4;
        const to = at + (step >> 1);
        const cos = v128.load(cosines + at);
        const sin = f32x4.mul(v128.load(cosines + to), signs);
        const a = v128.load(x + at);
        const b = v128.load(x + to);
        storeUpTo4(out + at, nmadd(b, sin, f32x4.mul(a, cos)), half - i);
        storeUpTo4(out + to, madd(a, sin, f32x4.mul(b, cos)), half - i);
      }
      x += step;
      out += step;
    }
    memory.copy(out, x, rest);
    x += rest;
    out += rest;
  }
}
