import type { StoredView, WeightFormat } from "../../contract/index.ts";
import { blockColumns } from "../../weight-format.ts";
import type { Engine } from "./engine.ts";
import { rowsOf } from "./parts.ts";
import { reads, u32 } from "./program.ts";
import type { Elements, Operand, Value } from "./program.ts";

/** A stored matrix as operands of a kernel, and WGSL that reads it. */
export interface StoredSource {
  readonly operands: Readonly<Record<string, Operand>>;
  readonly values: Readonly<Record<string, Value>>;
  /** WGSL of `name_element(row, column)`, and what it calls. */
  readonly functions: (of: Elements) => string;
}

/** Words of 32 bits of a block's values. */
export const blockWords: Record<WeightFormat, number> = { f16: 16, bf16: 16, int8: 8, int4: 4 };

export function storedSource(name: string, { format, values, scales }: StoredView): StoredSource {
  return {
    operands: {
      [`${name}_values`]: reads(values),
      ...(scales ? { [`${name}_scales`]: reads(scales) } : {}),
    },
    values: {
      [`${name}_words`]: u32(values.shape[1]),
      ...(scales ? { [`${name}_scale_words`]: u32(scales.shape[1]) } : {}),
    },
    functions: (of) => `
fn ${name}_scale(row: u32, block: u32) -> f32 {
  ${scales ? halfOfWord(of[`${name}_scales`](`row * values.${name}_scale_words + block / 2u`)) : "return 1.0;"}
}
fn ${name}_word(row: u32, index: u32) -> u32 {
  return u32(${of[`${name}_values`](`row * values.${name}_words + index`)});
}
fn ${name}_element(row: u32, column: u32) -> f32 {
  ${elements[format](name)}
}`,
  };
}

function halfOfWord(word: string): string {
  return `return half(u32(${word}) >> (16u * (block & 1u)));`;
}

/** WGSL of the value of the binary16 number in the lower bits of a word. */
export const halfFunction = `
fn half(bits: u32) -> f32 {
  let size = select(
    bitcast<f32>(((bits & 0x7fffu) << 13u) + 0x38000000u),
    f32(bits & 0x3ffu) * 5.9604644775390625e-8,
    (bits & 0x7c00u) == 0u,
  );
  return select(size, -size, (bits & 0x8000u) != 0u);
}`;

const elements: Record<WeightFormat, (name: string) => string> = {
  f16: (name) => `return half(${name}_word(row, column / 2u) >> (16u * (column & 1u)));`,
  bf16: (name) => `return bitcast<f32>((${name}_word(row, column / 2u) >> (16u * (column & 1u))) << 16u);`,
  int8: (name) => `
  let word = bitcast<i32>(${name}_word(row, column / 4u));
  return f32((word << (24u - 8u * (column & 3u))) >> 24u) * ${name}_scale(row, column / ${blockColumns}u);`,
  int4: (name) => `
  let block = column / ${blockColumns}u;
  let place = column % ${blockColumns}u;
  let word = ${name}_word(row, block * 4u + (place & 15u) / 4u);
  let code = (word >> (8u * (place & 3u) + 4u * (place / 16u))) & 15u;
  return (f32(code) - 8.0) * ${name}_scale(row, block);`,
};

/** Some rows of a stored matrix, the first of which is its row `start`. */
export interface StoredPart {
  readonly weight: StoredView;
  readonly start: number;
}

/** A stored matrix as parts that bindings reach. */
export function storedParts(engine: Engine, { format, shape, values, scales }: StoredView): StoredPart[] {
  let start = 0;
  return rowsOf(engine, { values, scales }).map((part) => {
    const [rows] = part.values.shape;
    start += rows;
    return { weight: { format, shape: [rows, shape[1]], ...part }, start: start - rows };
  });
}
