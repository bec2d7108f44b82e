import type { View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import { reads, u32 } from "../runtime/program.ts";
import type { Elements, Operand, Value } from "../runtime/program.ts";

/** Operands that are read four elements at a time, and WGSL that does. */
export interface Vec4Access {
  readonly operands: Readonly<Record<string, Operand>>;
  readonly values: Readonly<Record<string, Value>>;
  readonly functions: (of: Elements) => string;
}

/**
 * Whether four neighbours along `axis` can be read as one: they touch, start at multiples of four, and there are whole
 * fours of them. A buffer that is `written` as well has one binding, which is of single elements.
 */
export function readsByFours(view: View, axis: number, written: readonly (View<DType> | null)[]): boolean {
  const { buffer, offset, shape, strides } = view;
  return (
    strides[axis] === 1 &&
    offset % 4 === 0 &&
    strides.every((stride, i) => i === axis || shape[i] === 1 || stride % 4 === 0) &&
    shape[axis] % 4 === 0 &&
    written.every((other) => other?.buffer !== buffer)
  );
}

/** How a matrix of a product, `[batch, …]`, is read. */
export interface MatrixOptions {
  /** The axis of its lines: rows on the left, columns on the right; the other axis goes along them. */
  readonly lines: 1 | 2;
  /** WGSL of how many lines there are. */
  readonly lineCount: string;
  /** The axis whose neighbours are read together. */
  readonly along: "inner" | "lines";
  /** Whether vec4s are read that begin inside the matrix only. Default: others too. */
  readonly beginsInside?: boolean;
  readonly written: readonly (View<DType> | null)[];
}

/**
 * WGSL of `name_vec4(batch, inner, line)`: the element there and the next three along the inner axis, or those of the next
 * three lines. What lies outside the matrix is zero.
 */
export function matrixVec4(name: string, view: View, options: MatrixOptions): Vec4Access {
  const { lines, lineCount, along, beginsInside = false, written } = options;
  const inner = lines === 1 ? 2 : 1;
  const byFours = readsByFours(view, along === "inner" ? inner : lines, written);
  const stride = (axis: number): Value => {
    const count = view.strides[axis];
    return u32(byFours && count !== 1 && view.shape[axis] > 1 ? count / 4 : count);
  };
  const place = (innerIndex: string, line: string): string =>
    `batch * values.${name}_batch + (${innerIndex}) * values.${name}_inner + (${line}) * values.${name}_line`;
  const [isInner, isLine] = [(index: string) => `${index} < values.inner`, (line: string) => `${line} < ${lineCount}`];
  const source = (of: Elements): string => {
    if (byFours) {
      const vec4 = of[name](along === "inner" ? place("inner / 4u", "line") : place("inner", "line / 4u"));
      if (beginsInside) return `return ${vec4};`;
      return `if (${isInner("inner")} && ${isLine("line")}) { return ${vec4}; }
  return vec4f();`;
    }
    const [index, line] = along === "inner" ? ["inner + i", "line"] : ["inner", "line + i"];
    const checks = beginsInside
      ? [along === "inner" ? isInner(index) : isLine(line)]
      : [isInner(index), isLine(line)];
    return `var elements = vec4f();
  for (var i = 0u; i < 4u; i++) {
    if (${checks.join(" && ")}) { elements[i] = ${of[name](place(index, line))}; }
  }
  return elements;`;
  };
  return {
    operands: { [name]: reads(view, byFours ? 4 : 1) },
    values: { [`${name}_batch`]: stride(0), [`${name}_inner`]: stride(inner), [`${name}_line`]: stride(lines) },
    functions: (of) => `
fn ${name}_vec4(batch: u32, inner: u32, line: u32) -> vec4f {
  ${source(of)}
}`,
  };
}

/** The operands, values and functions of all. */
export function joined(...all: readonly Vec4Access[]): Vec4Access {
  return {
    operands: Object.assign({}, ...all.map(({ operands }) => operands)) as Vec4Access["operands"],
    values: Object.assign({}, ...all.map(({ values }) => values)) as Vec4Access["values"],
    functions: (of) => all.map(({ functions }) => functions(of)).join(""),
  };
}

/** How long vectors are: sources depend on no more of it. */
export interface VectorShape {
  /** Vec4Access of a vector. */
  readonly vec4s: number;
  /** Whether the last one is whole; else source has the number of elements as `values.width`. */
  readonly isWhole: boolean;
}

export function vectorShape(width: number): VectorShape {
  return { vec4s: Math.ceil(width / 4), isWhole: width % 4 === 0 };
}

/**
 * WGSL of `name_vec4(row, head, group)` for each view, `[rows, heads, width]`: elements `[4 · group, 4 · group + 4)` of a vector,
 * zero beyond its width. All are read by fours, or none. The kernel writes to none of their buffers.
 */
export function vectorVec4(views: Readonly<Record<string, View>>): Vec4Access {
  const byFours = Object.values(views).every((view) => readsByFours(view, 2, []));
  return joined(...Object.entries(views).map(([name, view]) => vec4OfVector(name, view, byFours)));
}

function vec4OfVector(name: string, view: View, byFours: boolean): Vec4Access {
  const [rowStride, headStride] = view.strides;
  const { isWhole } = vectorShape(view.shape[2]);
  const unit = byFours ? 4 : 1;
  const place = `row * values.${name}_row + head * values.${name}_head`;
  return {
    operands: { [name]: reads(view, unit) },
    values: { [`${name}_row`]: u32(rowStride / unit), [`${name}_head`]: u32(headStride / unit) },
    functions: (of) => `
fn ${name}_vec4(row: u32, head: u32, group: u32) -> vec4f {
  ${
    byFours
      ? `return ${of[name](`${place} + group`)};`
      : `var elements = vec4f();
  for (var i = 0u; i < 4u; i++) {
    ${isWhole ? "" : "if (group * 4u + i < values.width) "}{ elements[i] = ${of[name](`${place} + group * 4u + i`)}; }
  }
  return elements;`
  }
}`,
  };
}

/** A vec4 of a vector that begins at `place`: WGSL of its number, too. */
interface Vec4Place {
  readonly place: string;
  readonly vec4: string;
}

/** WGSL of the four elements of a vec4 of a vector. What lies beyond its width is of no use. */
export function loadVec4(load: (index: string) => string, { isWhole }: VectorShape, { place, vec4 }: Vec4Place): string {
  const elements = [0, 1, 2, 3].map((i) => {
    const column = `(${vec4}) * 4u + ${i}u`;
    return load(`${place} + ${isWhole ? column : `min(${column}, values.width - 1u)`}`);
  });
  return `vec4f(${elements.join(", ")})`;
}

/** WGSL that stores the four elements of `vec4`, an expression, to a vector that begins at `place`. */
export function storeVec4(
  store: (index: string) => string,
  { vec4s, isWhole }: VectorShape,
  { place, vec4, value }: Vec4Place & { readonly value: string },
): string {
  const lines = [0, 1, 2, 3].map((i) => {
    const column = `(${vec4}) * 4u + ${i}u`;
    const line = `${store(`${place} + ${column}`)} = (${value}).${"xyzw"[i]};`;
    return isWhole ? line : `if (${column} < values.width) { ${line} }`;
  });
  return `if ((${vec4}) < ${vec4s}u) { ${lines.join(" ")} }`;
}
