import type { View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import { reads, u32 } from "../runtime/program.ts";
import type { Elements, Operand, Value } from "../runtime/program.ts";

/** Operands that are read four elements at a time, and WGSL that does. */
export interface Quads {
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
  /** Whether quads are read that begin inside the matrix only. Default: others too. */
  readonly beginsInside?: boolean;
  readonly written: readonly (View<DType> | null)[];
}

/**
 * WGSL of `name_quad(batch, inner, line)`: the element there and the next three along the inner axis, or those of the next
 * three lines. What lies outside the matrix is zero.
 */
export function matrixQuads(name: string, view: View, options: MatrixOptions): Quads {
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
      const quad = of[name](along === "inner" ? place("inner / 4u", "line") : place("inner", "line / 4u"));
      if (beginsInside) return `return ${quad};`;
      return `if (${isInner("inner")} && ${isLine("line")}) { return ${quad}; }
  return vec4f();`;
    }
    const [index, line] = along === "inner" ? ["inner + i", "line"] : ["inner", "line + i"];
    const checks = beginsInside
      ? [along === "inner" ? isInner(index) : isLine(line)]
      : [isInner(index), isLine(line)];
    return `var quad = vec4f();
  for (var i = 0u; i < 4u; i++) {
    if (${checks.join(" && ")}) { quad[i] = ${of[name](place(index, line))}; }
  }
  return quad;`;
  };
  return {
    operands: { [name]: reads(view, byFours ? 4 : 1) },
    values: { [`${name}_batch`]: stride(0), [`${name}_inner`]: stride(inner), [`${name}_line`]: stride(lines) },
    functions: (of) => `
fn ${name}_quad(batch: u32, inner: u32, line: u32) -> vec4f {
  ${source(of)}
}`,
  };
}

/** The operands, values and functions of all. */
export function joined(...all: readonly Quads[]): Quads {
  return {
    operands: Object.assign({}, ...all.map(({ operands }) => operands)) as Quads["operands"],
    values: Object.assign({}, ...all.map(({ values }) => values)) as Quads["values"],
    functions: (of) => all.map(({ functions }) => functions(of)).join(""),
  };
}

/** How long vectors are: sources depend on no more of it. */
export interface VectorShape {
  /** Quads of a vector. */
  readonly quads: number;
  /** Whether the last one is whole; else source has the number of elements as `values.width`. */
  readonly isWhole: boolean;
}

export function vectorShape(width: number): VectorShape {
  return { quads: Math.ceil(width / 4), isWhole: width % 4 === 0 };
}

/**
 * WGSL of `name_quad(row, head, quad)` for each view, `[rows, heads, width]`: elements `[4 · quad, 4 · quad + 4)` of a vector,
 * zero beyond its width. All are read by fours, or none. The kernel writes to none of their buffers.
 */
export function vectorQuads(views: Readonly<Record<string, View>>): Quads {
  const byFours = Object.values(views).every((view) => readsByFours(view, 2, []));
  return joined(...Object.entries(views).map(([name, view]) => quadsOfVector(name, view, byFours)));
}

function quadsOfVector(name: string, view: View, byFours: boolean): Quads {
  const [rowStride, headStride] = view.strides;
  const { isWhole } = vectorShape(view.shape[2]);
  const unit = byFours ? 4 : 1;
  const place = `row * values.${name}_row + head * values.${name}_head`;
  return {
    operands: { [name]: reads(view, unit) },
    values: { [`${name}_row`]: u32(rowStride / unit), [`${name}_head`]: u32(headStride / unit) },
    functions: (of) => `
fn ${name}_quad(row: u32, head: u32, quad: u32) -> vec4f {
  ${
    byFours
      ? `return ${of[name](`${place} + quad`)};`
      : `var elements = vec4f();
  for (var i = 0u; i < 4u; i++) {
    ${isWhole ? "" : "if (quad * 4u + i < values.width) "}{ elements[i] = ${of[name](`${place} + quad * 4u + i`)}; }
  }
  return elements;`
  }
}`,
  };
}

/** A quad of a vector that begins at `place`: WGSL of its number, too. */
interface QuadPlace {
  readonly place: string;
  readonly quad: string;
}

/** WGSL of the four elements of a quad of a vector. What lies beyond its width is of no use. */
export function loadQuad(load: (index: string) => string, { isWhole }: VectorShape, { place, quad }: QuadPlace): string {
  const elements = [0, 1, 2, 3].map((i) => {
    const column = `(${quad}) * 4u + ${i}u`;
    return load(`${place} + ${isWhole ? column : `min(${column}, values.width - 1u)`}`);
  });
  return `vec4f(${elements.join(", ")})`;
}

/** WGSL that stores the four elements of `quad`, an expression, to a vector that begins at `place`. */
export function storeQuad(
  store: (index: string) => string,
  { quads, isWhole }: VectorShape,
  { place, quad, value }: QuadPlace & { readonly value: string },
): string {
  const lines = [0, 1, 2, 3].map((i) => {
    const column = `(${quad}) * 4u + ${i}u`;
    const line = `${store(`${place} + ${column}`)} = (${value}).${"xyzw"[i]};`;
    return isWhole ? line : `if (${column} < values.width) { ${line} }`;
  });
  return `if ((${quad}) < ${quads}u) { ${lines.join(" ")} }`;
}
