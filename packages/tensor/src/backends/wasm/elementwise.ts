import type { Activation, BinaryOp, ElementwiseKernels, UnaryOp } from "../../contract/index.ts";
import { bytesPerElement } from "../../dtype.ts";
import type { WasmExports } from "../../generated/wasm-exports.ts";
import { isDense, sizeOf } from "../../shape.ts";
import type { Engine } from "./engine.ts";

const activationGradients = { gelu: "geluGradient", relu: "reluGradient" } as const satisfies Record<
  Activation,
  keyof WasmExports
>;

export function elementwise(engine: Engine): ElementwiseKernels {
  return {
    unary({ op, x, out }) {
      const apply: WasmExports[UnaryOp] = engine.wasm[op];
      engine.withDense(x, (from) => apply(from, engine.address(out), sizeOf(out.shape)));
    },

    binary({ op, a, b, out }) {
      const apply: WasmExports[BinaryOp] = engine.wasm[op];
      engine.withDense(a, (left) =>
        engine.withDense(b, (right) => apply(left, right, engine.address(out), sizeOf(out.shape))),
      );
    },

    affine({ x, scale, shift, out }) {
      engine.withDense(x, (from) => engine.wasm.affine(from, scale, shift, engine.address(out), sizeOf(out.shape)));
    },

    select({ condition, a, b, out }) {
      engine.withDense(condition, (conditions) =>
        engine.withDense(a, (left) =>
          engine.withDense(b, (right) =>
            engine.wasm.select(conditions, left, right, engine.address(out), sizeOf(out.shape)),
          ),
        ),
      );
    },

    activationGradient({ activation, x, grad, out }) {
      const apply = engine.wasm[activationGradients[activation]];
      apply(engine.address(x), engine.address(grad), engine.address(out), sizeOf(out.shape));
    },

    copy({ x, out }) {
      if (x.dtype === out.dtype) {
        engine.copy(x.shape, engine.address(x), x.strides, engine.address(out), out.strides);
        return;
      }
      const size = sizeOf(x.shape);
      const convert = out.dtype === "i32" ? engine.wasm.truncate : engine.wasm.toFloat;
      engine.withDense(x, (from) => {
        if (isDense(out.shape, out.strides)) {
          convert(from, engine.address(out), size);
          return;
        }
        engine.withScratch(size * bytesPerElement, (converted) => {
          convert(from, converted, size);
          engine.scatter(converted, out);
        });
      });
    },

    fill({ value, out }) {
      engine.fill(value, out);
    },
  };
}
