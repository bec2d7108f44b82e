import type { Activation, ActivationKernels, ElementwiseKernels, View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { WasmExports } from "../../../generated/wasm-exports.ts";
import { isDense, sizeOf } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";
import type { KernelCall } from "../runtime/thread-pool.ts";

const activationGradients = {
  gelu: "geluGradient", relu: "reluGradient", silu: "siluGradient",
} as const satisfies Record<Activation, keyof WasmExports>;

/** Nanoseconds for an element: of arithmetic, and of functions made of exponentials. */
const [plainTime, functionTime] = [0.5, 1.5];

export function elementwise(engine: Engine): ElementwiseKernels & ActivationKernels {
  /** Divides a row of elements: `part` gets how far into it, in bytes, and how many. */
  const map = (out: View<DType>, time: number, part: (at: number, count: number) => KernelCall): void => {
    engine.divide(sizeOf(out.shape), { time, multiple: 16 }, (start, count) => part(start * bytesPerElement, count));
  };

  return {
    unary({ op, x, out }) {
      const to = engine.address(out);
      engine.withDense(x, (from) => map(out, functionTime, (at, count) => [op, from + at, to + at, count]));
    },

    binary({ op, a, b, out }) {
      const to = engine.address(out);
      engine.withDense(a, (left) =>
        engine.withDense(b, (right) =>
          map(out, plainTime, (at, count) => [op, left + at, right + at, to + at, count]),
        ),
      );
    },

    affine({ x, scale, shift, out }) {
      const to = engine.address(out);
      engine.withDense(x, (from) =>
        map(out, plainTime, (at, count) => ["affine", from + at, scale, shift, to + at, count]),
      );
    },

    select({ condition, a, b, out }) {
      const to = engine.address(out);
      engine.withDense(condition, (conditions) =>
        engine.withDense(a, (left) =>
          engine.withDense(b, (right) =>
            map(out, plainTime, (at, count) => ["select", conditions + at, left + at, right + at, to + at, count]),
          ),
        ),
      );
    },

    activationGradient({ activation, x, grad, out }) {
      const [from, gradient, to] = [engine.address(x), engine.address(grad), engine.address(out)];
      const kernel = activationGradients[activation];
      map(out, functionTime, (at, count) => [kernel, from + at, gradient + at, to + at, count]);
    },

    copy({ x, out }) {
      if (x.dtype === out.dtype) {
        engine.copy(x.shape, engine.address(x), x.strides, engine.address(out), out.strides);
        return;
      }
      const kernel = out.dtype === "i32" ? "truncate" : "toFloat";
      const convert = (from: number, to: number): void =>
        map(out, plainTime, (at, count) => [kernel, from + at, to + at, count]);
      engine.withDense(x, (from) => {
        if (isDense(out.shape, out.strides)) {
          convert(from, engine.address(out));
          return;
        }
        engine.withScratch(sizeOf(x.shape) * bytesPerElement, (converted) => {
          convert(from, converted);
          engine.scatter(converted, out);
        });
      });
    },

    fill({ value, out }) {
      engine.fill(value, out);
    },
  };
}
