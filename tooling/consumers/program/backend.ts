/** A backend of another author: the kernels that are required, in plain JavaScript, and nothing else. */
import { philoxBlock, TensorError } from "@gpt/tensor";
import { withCompositions } from "@gpt/tensor/compositions";
import type { Backend, DataOf, DType, RequiredKernels, View } from "@gpt/tensor";

type Elements = Float32Array | Int32Array;

export function plainBackend(): Backend {
  const buffers = new Map<number, ArrayBuffer>();
  let next = 1;
  let [liveBytes, peakBytes] = [0, 0];
  const arrayOf = ({ buffer, dtype }: View<DType>): Elements => {
    const bytes = buffers.get(buffer);
    if (!bytes) throw new TensorError("disposed", `plain: there is no buffer ${buffer}`);
    return dtype === "f32" ? new Float32Array(bytes) : new Int32Array(bytes);
  };
  const read = <D extends DType>(view: View<D>): DataOf<D> => {
    const [source, places] = [arrayOf(view), placesOf(view)];
    const values = view.dtype === "f32" ? new Float32Array(places.length) : new Int32Array(places.length);
    places.forEach((place, i) => (values[i] = source[place]));
    return values as DataOf<D>;
  };
  const write = (view: View<DType>, values: ArrayLike<number>): void => {
    const target = arrayOf(view);
    placesOf(view).forEach((place, i) => (target[place] = values[i]));
  };
  const map = (out: View<DType>, inputs: readonly View<DType>[], of: (...x: number[]) => number): void => {
    const values = inputs.map(read);
    const size = out.shape.reduce((product, length) => product * length, 1);
    write(out, Float64Array.from({ length: size }, (_, i) => of(...values.map((x) => x[i]))));
  };

  const kernels: RequiredKernels = {
    copy: ({ x, out }) => map(out, [x], x.dtype === "f32" && out.dtype === "i32" ? truncated : (value) => value),
    fill: ({ value, out }) => map(out, [], () => value),
    unary: ({ op, x, out }) => map(out, [x], unary[op]),
    binary: ({ op, a, b, out }) => map(out, [a, b], binary[op]),
    affine({ x, scale, shift, out }) {
      const [factor, summand] = [Math.fround(scale), Math.fround(shift)];
      map(out, [x], (value) => value * factor + summand);
    },
    select: ({ condition, a, b, out }) => map(out, [condition, a, b], (chosen, x, y) => (chosen === 0 ? y : x)),

    reduce({ op, x, out }) {
      const [outer, length, inner] = x.shape;
      const values = read(x);
      const start = { sum: 0, max: -Infinity, min: Infinity }[op];
      const step = op === "sum" ? (a: number, b: number) => a + b : Math[op];
      write(out, Float64Array.from({ length: outer * inner }, (_, at) => {
        let soFar = start;
        for (let i = 0; i < length; i++) soFar = step(soFar, values[(Math.floor(at / inner) * length + i) * inner + (at % inner)]);
        return soFar;
      }));
    },
    argmax({ x, out }) {
      const [rows, length] = x.shape;
      const values = read(x);
      write(out, Array.from({ length: rows }, (_, row) => {
        const own = values.subarray(row * length, (row + 1) * length);
        const unknown = own.findIndex(Number.isNaN);
        return unknown >= 0 ? unknown : own.indexOf(own.reduce((a, b) => Math.max(a, b), -Infinity));
      }));
    },
    matmul({ a, b, out, accumulate }) {
      const [batch, rows, inner] = a.shape;
      const columns = b.shape[2];
      const [left, right] = [read(a), read(b)];
      const sums = accumulate ? Float64Array.from(read(out)) : new Float64Array(batch * rows * columns);
      for (let row = 0; row < batch * rows; row++) {
        for (let k = 0; k < inner; k++) {
          const [factor, from] = [left[row * inner + k], (Math.floor(row / rows) * inner + k) * columns];
          for (let j = 0; j < columns; j++) sums[row * columns + j] += factor * right[from + j];
        }
      }
      write(out, sums);
    },

    gatherRows({ op, table, ids, out }) {
      const [, entries, width] = table.shape;
      const [values, numbers] = [read(table), read(ids)];
      const found = new Float32Array(numbers.length * width);
      numbers.forEach((id, i) => {
        if (id < 0 || id >= entries) throw outside(op, id, i, entries);
        const from = (Math.floor(i / ids.shape[1]) * entries + id) * width;
        found.set(values.subarray(from, from + width), i * width);
      });
      write(out, found);
    },
    scatterAddRows({ op, ids, grad, out }) {
      const [, entries, width] = out.shape;
      const [sums, added] = [read(out), read(grad)];
      read(ids).forEach((id, i) => {
        if (id >= 0 && id < entries) {
          const to = (Math.floor(i / ids.shape[1]) * entries + id) * width;
          for (let j = 0; j < width; j++) sums[to + j] += added[i * width + j];
        } else if (op !== null) throw outside(op, id, i, entries);
      });
      write(out, sums);
    },

    uniform({ key, out }) {
      const words = new Uint32Array(4);
      write(out, Float64Array.from({ length: read(out).length }, (_, i) => {
        if (i % 4 === 0) philoxBlock(key, i / 4, words);
        return (words[i % 4] >>> 8) * 2 ** -24;
      }));
    },
    sample({ logits, uniforms, settings, out }) {
      const [rows, width] = logits.shape;
      const [values, draws] = [read(logits), read(uniforms)];
      write(out, Array.from({ length: rows }, (_, row) => {
        const own = values.subarray(row * width, (row + 1) * width);
        const { temperature, topK, topP, minP } = settings[settings.length > 1 ? row : 0];
        const largest = own.reduce((a, b) => Math.max(a, b), -Infinity);
        if (temperature === 0) return Math.max(0, own.indexOf(largest));
        const weights = Array.from(own, (x) => Math.exp((x - largest) / temperature));
        const ranked = [...weights.keys()].sort((a, b) => weights[b] - weights[a] || a - b).slice(0, topK);
        const wanted = topP * ranked.reduce((sum, i) => sum + weights[i], 0);
        let sum = 0;
        const kept = new Set(ranked.filter((i) => {
          const isKept = sum < wanted && weights[i] >= minP;
          sum += weights[i];
          return isKept;
        }));
        let rest = draws[row] * [...kept].reduce((sum, i) => sum + weights[i], 0);
        const drawn = own.findIndex((_, i) => kept.has(i) && (rest -= weights[i]) < 0);
        return drawn >= 0 ? drawn : Math.max(...kept);
      }));
    },
  };

  return withCompositions({
    name: "plain",
    kernels,
    packedDTypes: [],
    get memory() {
      return { liveBuffers: buffers.size, liveBytes, peakBytes };
    },
    allocate(byteLength) {
      buffers.set(next, new ArrayBuffer(byteLength));
      peakBytes = Math.max(peakBytes, (liveBytes += byteLength));
      return next++;
    },
    free(buffer) {
      liveBytes -= buffers.get(buffer)?.byteLength ?? 0;
      buffers.delete(buffer);
    },
    write,
    read: async (view) => read(view),
    readSync: read,
    dispose() {
      buffers.clear();
      liveBytes = 0;
    },
  });
}

/** Where the elements of a view are in its buffer, row-major. */
function placesOf({ shape, strides, offset }: View<DType>): Int32Array {
  const places = new Int32Array(shape.reduce((product, length) => product * length, 1));
  const index = shape.map(() => 0);
  let place = offset;
  for (let i = 0; i < places.length; i++) {
    places[i] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++index[axis] < shape[axis]) break;
      place -= index[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return places;
}

function outside(op: string, id: number, position: number, entries: number): TensorError {
  return new TensorError("index-out-of-range", `${op}: id ${id} at position ${position} is outside the table's ${entries} entries (0 to ${entries - 1})`);
}

function truncated(x: number): number {
  return Math.trunc(Math.min(Math.max(x, -(2 ** 31)), 2 ** 31 - 1)) || 0;
}

const unary: Record<Parameters<RequiredKernels["unary"]>[0]["op"], (x: number) => number> = {
  abs: Math.abs,
  cos: Math.cos,
  erfc,
  exp: Math.exp,
  gelu: (x) => gated(Math.max(x, -16), (x) => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)),
  log: Math.log,
  relu: (x) => Math.max(x, 0),
  rsqrt: (x) => 1 / Math.sqrt(x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  sign: Math.sign,
  silu: (x) => gated(Math.max(x, -256), (x) => x),
  sin: Math.sin,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
};

function gated(x: number, of: (x: number) => number): number {
  return x / (1 + Math.exp(-of(x)));
}

/** 1 − erf x (Press et al. 1992, Numerical Recipes in C, section 6.2, erfcc). */
function erfc(x: number): number {
  const t = 1 / (1 + Math.abs(x) / 2);
  const coefficients = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223,
  ];
  const y = t * Math.exp(coefficients.reduce((sum, coefficient) => sum * t + coefficient, 0) - x * x);
  return x < 0 ? 2 - y : y;
}

const binary: Record<Parameters<RequiredKernels["binary"]>[0]["op"], (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b),
  maximum: Math.max,
  minimum: Math.min,
  equal: (a, b) => Number(a === b),
  less: (a, b) => Number(a < b),
};
