import { bytesPerElement } from "../../../dtype.ts";
import type { NativeExports } from "../../../generated/native-exports.ts";
import type { WasmExports } from "../../../generated/wasm-exports.ts";
import { blockColumns } from "../../../weight-format.ts";
import type { ProviderKernels } from "../runtime/provider.ts";
import { attentionKernels } from "./attention.ts";
import type { Product } from "./library.ts";

/** The kernels that make products by a library, on the thread that calls them. `module` is that of `assembly/native.ts`. */
export function nativeKernels(
  wasm: WasmExports, module: WebAssembly.Module, memory: WebAssembly.Memory, product: Product,
): ProviderKernels {
  const native = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as NativeExports;
  const finish = (
    out: number, rows: number, columns: number, outRow: number,
    bias: number, activation: number, preactivation: number, residual: number,
  ): void => {
    if (!bias && !activation && !preactivation && !residual) return;
    wasm.finishRows(out, rows, columns, outRow, bias, activation, preactivation, residual);
  };
  return {
    heapBase: native.heapBase,
    ...attentionKernels(native, product),

    multiplyDense(
      aTransposed, bTransposed, rows, columns, inner, a, aRow, b, bRow, add, out, outRow, bias, activation, preactivation, residual,
    ) {
      product(
        Boolean(aTransposed), Boolean(bTransposed), rows, columns, inner,
        a, aRow / bytesPerElement, b, bRow / bytesPerElement, Boolean(add), out, outRow / bytesPerElement,
      );
      finish(out, rows, columns, outRow, bias, activation, preactivation, residual);
    },

    multiplyUnpacked(
      aTransposed, alongInner, rows, columns, inner, a, aRow, format, values, valueStep, scales, scaleStep,
      first, out, outRow, bias, activation, preactivation, residual, lines, panel,
    ) {
      const [length, width] = alongInner ? [inner, columns] : [columns, inner];
      const panelRow = Math.ceil(width / blockColumns) * blockColumns;
      const aStep = aTransposed ? aRow : bytesPerElement;
      for (let line = 0; line < length; line += lines) {
        const count = Math.min(lines, length - line);
        native.unpackRows(format, values + line * valueStep, valueStep, scales + line * scaleStep, scaleStep, first, width, count, panel);
        product(
          Boolean(aTransposed), !alongInner, rows, alongInner ? columns : count, alongInner ? count : inner,
          alongInner ? a + line * aStep : a, aRow / bytesPerElement, panel, panelRow, Boolean(alongInner) && line > 0,
          alongInner ? out : out + line * bytesPerElement, outRow / bytesPerElement,
        );
      }
      finish(out, rows, columns, outRow, bias, activation, preactivation, residual);
    },
  };
}
