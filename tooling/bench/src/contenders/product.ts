import { randomNumbers } from "../models/numbers.ts";
import type { Product } from "../models/onnx.ts";
import { serve } from "../harness/serve.ts";
import { timeCalls } from "../harness/time-calls.ts";

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

/** Elements from everywhere in a result. */
export function probesOf(result: Float32Array): number[] {
  return Array.from({ length: 64 }, (_, i) => result[Math.floor((i * (result.length - 1)) / 63)]);
}

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
          current = { key, prepared: await library.prepare(product, randomNumbers(m * k, 1), randomNumbers(k * n, 2)) };
        }
        const { prepared } = current;
        const times = await timeCalls(milliseconds, prepared.call);
        const result = await prepared.result();
        return { times, probes: probesOf(result) };
      },
    };
  });
}
