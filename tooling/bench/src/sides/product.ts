import type { Product } from "../models/onnx.ts";
import { serve, timeCalls } from "../harness/serve.ts";

/** One product, again and again for about so many milliseconds. */
export interface ProductTask {
  readonly product: Product;
  readonly milliseconds: number;
}

export interface ProductResult {
  /** Of each call. */
  readonly times: readonly number[];
  /** Some elements of the result. */
  readonly probes: readonly number[];
}

type Operand = Float32Array<ArrayBuffer>;

export interface ProductLibrary {
  readonly version: string;
  /** Puts the operands where the library wants them. */
  prepare(product: Product, a: Operand, b: Operand): PreparedProduct | Promise<PreparedProduct>;
}

export interface PreparedProduct {
  /** Computes the product; it has been computed when the call returns, or its promise is resolved. */
  call(): unknown;
  /** The result of the last call. */
  result(): Float32Array | Promise<Float32Array>;
  dispose(): void;
}

/** Serves products by a library. */
export async function serveProducts<Setup>(open: (setup: Setup) => Promise<ProductLibrary>): Promise<never> {
  return serve<Setup, ProductTask>(async (setup) => {
    const library = await open(setup);
    let current: { key: string; prepared: PreparedProduct } | undefined;
    return {
      version: library.version,
      async run({ product, milliseconds }): Promise<ProductResult> {
        const key = JSON.stringify(product);
        if (current?.key !== key) {
          current?.prepared.dispose();
          const { m, k, n } = product;
          current = { key, prepared: await library.prepare(product, matrix(m * k, 1), matrix(k * n, 2)) };
        }
        const { prepared } = current;
        const times = await timeCalls(milliseconds, prepared.call);
        const result = await prepared.result();
        const probes = Array.from({ length: 64 }, (_, i) => result[Math.floor((i * (result.length - 1)) / 63)]);
        return { times, probes };
      },
    };
  });
}

/** Numbers between −1 and 1 without a pattern, the same in every process. */
function matrix(length: number, seed: number): Operand {
  const values = new Float32Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  return values;
}
