import { tensor } from "../../core/create.ts";
import { PackedWeight } from "../../core/packed-weight.ts";
import { scope } from "../../core/scope.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Backend } from "../../contract/index.ts";
import { embedding } from "../../ops/indexing.ts";
import { linear } from "../../ops/weights.ts";
import type { PackedParts } from "../../packed-parts.ts";
import type { Check } from "../case.ts";
import { literal, numbers } from "../inputs.ts";
import { ofPackedDType } from "../packed-inputs.ts";
import { array } from "../reference/array.ts";
import { weightElements } from "../reference/weights.ts";
import { largest, range, rangeGradient, smallestNormal } from "../whole-range.ts";

const [scales, block] = [256, 32];

/** Every code with every scale, in 1 row or 256: byte `j` of a block has code `j` twice, and its scale is its number. */
function everyCode(rows: 1 | 256): PackedParts {
  const bytes = Uint8Array.from({ length: (scales * block) / 2 }, (_, i) => 17 * (i % 16));
  const values = new Int32Array(bytes.buffer);
  const words = Int32Array.from({ length: scales }, (_, i) => i);
  const packed = new Int32Array(Uint8Array.from(words).buffer);
  return { dtype: "mxfp4", rows, columns: (scales * block) / rows, values, scales: rows === 1 ? packed : words };
}

function elementsOf({ rows, columns, values, scales }: PackedParts) {
  return weightElements("mxfp4", [rows, columns], array([values.length], values), array([scales?.length ?? 0], scales ?? []));
}

/** What `use` makes of a weight, which is freed afterwards. */
function lend(parts: PackedParts, backend: Backend, use: (weight: PackedWeight) => Tensor): Tensor {
  const weight = PackedWeight.fromParts(parts, { backend });
  try {
    return use(weight);
  } finally {
    weight.dispose();
  }
}

const ofOneRow = everyCode(1);

export const everyLookup = ofPackedDType("mxfp4", range({
  name: "mxfp4: every code with every scale",
  inputs: { ids: literal([0], [1], "i32") },
  run: ({ ids }) => lend(ofOneRow, ids.backend, (table) => embedding(table, ids)),
  truths: [() => ({ value: elementsOf(ofOneRow) })],
  bound: 0,
}));

export const everyGradient = ofPackedDType("mxfp4", rangeGradient({
  name: "mxfp4: every code with every scale",
  inputs: { x: numbers([1, ofOneRow.columns]), grad: literal([1], [1, 1]) },
  run: ({ x }) => lend(ofOneRow, x.backend, (weight) => linear(x, weight)),
  truths: { x: [() => ({ value: elementsOf(ofOneRow) })] },
  bound: 0,
}));

/** The bound that the contract states, where all elements and sums are f32. */
export const everyProduct = [1, 8, 9].map((count): Check => {
  const parts = everyCode(256);
  const x = Float32Array.from(numbers([count, block]).values(5));
  return ofPackedDType("mxfp4", {
    name: `mxfp4: ${count} rows by every code with every scale`,
    async run(backend, capabilities) {
      const result = scope(() => lend(parts, backend, (weight) => linear(tensor(x, { shape: [count, block], backend }), weight)));
      const actual = await result.data();
      result.dispose();
      const weight = elementsOf(parts).data;
      const lost = capabilities.subnormals ? 2 ** -149 : smallestNormal;
      for (let i = 0; i < actual.length; i++) {
        const [own, scale] = [Math.floor(i / scales), i % scales];
        const elements = weight.subarray(scale * block, (scale + 1) * block);
        const row = x.subarray(own * block, (own + 1) * block);
        const terms = Array.from(row, (value, j) => value * elements[j]);
        const size = terms.reduce((sum, term) => sum + Math.abs(term), 0);
        if (Number.isNaN(size)) {
          if (capabilities.nan && !Number.isNaN(actual[i])) throw new Error(`scale ${scale}: expected NaN, got ${actual[i]}`);
          continue;
        }
        if (size > largest) continue;
        const wanted = terms.reduce((sum, term) => sum + term, 0);
        const largestProducts = elements.reduce((sum, element) => sum + Math.abs(element), 0) * Math.max(...row.map(Math.abs));
        const bound = 1e-6 * size + 2 ** -15 * largestProducts + block * lost;
        if (Math.abs(actual[i] - wanted) <= bound) continue;
        throw new Error(`row ${own}, scale ${scale}: expected ${wanted}, got ${actual[i]}; bound ${bound}`);
      }
    },
  });
});
