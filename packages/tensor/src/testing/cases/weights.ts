import type { PackedDType, WeightDType, WeightKernels } from "../../contract/index.ts";
import { tensor } from "../../core/create.ts";
import { scope } from "../../core/scope.ts";
import { PackedWeight } from "../../core/packed-weight.ts";
import { embedding } from "../../ops/indexing.ts";
import { linearCrossEntropy } from "../../ops/linear-cross-entropy.ts";
import { linear } from "../../ops/weights.ts";
import { weightFormats } from "../../weight-format.ts";
import type { Check, ChecksOf } from "../case.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import { failure, gradients, op, values } from "../op-case.ts";
import { reads } from "../read-case.ts";
import { array, combine } from "../reference/array.ts";
import { activationNames, activations } from "../reference/elementwise.ts";
import * as indexing from "../reference/indexing.ts";
import { crossEntropy } from "../reference/loss.ts";
import * as matmul from "../reference/matmul.ts";
import { reduce } from "../reference/reduce.ts";
import { weightElements } from "../reference/weights.ts";
import { eachDType, hasScales, toleranceOf, weightInputs, weightOf, weightView } from "../packed-inputs.ts";
import { kernel } from "../write-case.ts";
import { floatLookups } from "./indexing.ts";
import { floatLinear, floatLinearGradient } from "./linear.ts";
import { everyGradient, everyLookup, everyProduct } from "./mxfp4.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Rows of the input, its width, and rows of the weight: one and several of each, whole blocks and parts of them. */
const sizes: readonly (readonly [rows: number, inputs: number, outputs: number])[] = [
  [1, 32, 1],
  [1, 1, 5],
  [1, 40, 9],
  [1, 96, 17],
  [1, 770, 35],
  [2, 64, 8],
  [3, 33, 7],
  [4, 100, 18],
  [5, 31, 6],
  [8, 128, 12],
  [9, 160, 5],
  [13, 70, 50],
  [37, 300, 70],
];

const products = (dtype: WeightDType): Check[] =>
  sizes.map(([rows, inputs, outputs], index) => {
    const activation = [null, ...activationNames][(index + Math.floor(index / 4)) % 4];
    const [withBias, withResidual, withPreactivation] = [index % 2 === 1, index % 4 > 1, index % 5 > 2];
    const extras = [
      withBias ? "bias" : "", activation ?? "", withResidual ? "residual" : "", withPreactivation ? "pre-activation" : "",
    ];
    return kernel({
      name: [`${dtype}: [${rows}, ${inputs}] to ${outputs}`, ...extras].filter((part) => part !== "").join(", "),
      inputs: {
        ...weightInputs(dtype, [outputs, inputs]),
        x: numbers([rows, inputs], { layout: "offset" }),
        bias: numbers([outputs], { layout: "offset" }),
        residual: numbers([rows, outputs], { layout: "offset" }),
        preactivation: unwritten([rows, outputs]),
        out: unwritten([rows, outputs]),
      },
      run: (kernels, { x, bias, residual, preactivation, out, ...stored }) => {
        kernels.linear({
          x,
          weight: weightView(dtype, [outputs, inputs], stored),
          out,
          bias: withBias ? bias : null,
          activation,
          preactivation: withPreactivation ? preactivation : null,
          residual: withResidual ? residual : null,
        });
      },
      expected: ({ values, scales, x, bias, residual }) => {
        const weight = weightElements(dtype, [outputs, inputs], values, scales);
        const sums = matmul.linear(x, weight, { bias: withBias ? bias : undefined });
        const active = activation ? combine(activations[activation], sums) : sums;
        return {
          out: withResidual ? combine((y, r) => y + r, active, residual) : active,
          ...(withPreactivation && { preactivation: sums }),
        };
      },
      tolerance: toleranceOf(dtype),
    });
  });

const linears = (dtype: WeightDType) =>
  ([
    [[2, 3], 5, 4, undefined, "offset"],
    [[7], 70, 9, "gelu", "transposed"],
    [[2, 2], 33, 6, "relu", "gapped"],
    [[1], 64, 3, "gelu", "dense"],
    [[], 32, 5, undefined, "dense"],
    [[0], 3, 4, undefined, "dense"],
  ] as const).map(([rows, inputs, outputs, activation, layout]) => {
    const { expected, use } = weightOf(dtype, [outputs, inputs]);
    return op({
      name: `${dtype}: linear of [${[...rows, inputs].join(", ")}] to ${outputs}, ${layout}, ${activation ?? "plain"}`,
      inputs: {
        x: numbers([...rows, inputs], { layout }),
        bias: numbers([outputs], { layout }),
        residual: numbers([...rows, outputs], { layout }),
      },
      run: ({ x, bias, residual }) => use(x.backend, (weight) => linear(x, weight, bias, { activation, residual })),
      reference: ({ x, bias, residual }) => matmul.linear(x, expected, { bias, activation, residual }),
      tolerance: toleranceOf(dtype),
      gradientTolerance: toleranceOf(dtype),
    });
  });

/** Heads, in chunks of rows and at once. */
const heads = (dtype: WeightDType) =>
  ([
    [[5], 40, 9, 2, "transposed"],
    [[2, 3], 33, 7, 4, "gapped"],
    [[6], 64, 5, undefined, "dense"],
  ] as const).map(([rows, inputs, classes, chunkRows, layout]) => {
    const { expected, use } = weightOf(dtype, [classes, inputs]);
    return op({
      name: `${dtype}: loss of [${[...rows, inputs].join(", ")}] to ${classes}, ${layout}, ${chunkRows ?? "all"} rows a chunk`,
      inputs: { x: numbers([...rows, inputs], { layout }), targets: integers(rows, -1, classes, layout) },
      run: ({ x, targets }) =>
        use(x.backend, (head) => linearCrossEntropy(x, head, targets, { ignoreIndex: -1, reduction: "sum", chunkRows })),
      reference: ({ x, targets }) => reduce("sum", crossEntropy(matmul.linear(x, expected, {}), targets, -1)),
      tolerance: toleranceOf(dtype),
      gradientTolerance: toleranceOf(dtype),
    });
  });

const lookups = (dtype: WeightDType) =>
  ([
    [[6, 33], [2, 5], "transposed"],
    [[300, 64], [500], "offset"],
    [[3, 7], [], "dense"],
    [[3, 7], [0], "dense"],
  ] as const).map(([shape, ids, layout]) => {
    const { expected, use } = weightOf(dtype, shape);
    return op({
      name: `${dtype}: ids [${ids.join(", ")}] of [${shape.join(", ")}], ${layout}`,
      inputs: { ids: integers(ids, 0, shape[0], layout) },
      run: ({ ids }) => use(ids.backend, (table) => embedding(table, ids)),
      reference: ({ ids }) => indexing.embedding(expected, ids),
      tolerance: weightFormats[dtype].scale === "f16" ? 1e-7 : 0,
    });
  });

const inputGradients = (dtype: WeightDType): Check[] =>
  ([[1, 40, 9], [5, 33, 7], [37, 300, 70]] as const).map(([rows, inputs, outputs]) =>
    kernel({
      name: `${dtype}: [${rows}, ${outputs}] × [${outputs}, ${inputs}]`,
      inputs: {
        ...weightInputs(dtype, [outputs, inputs]),
        grad: numbers([rows, outputs], { layout: "offset" }),
        out: unwritten([rows, inputs]),
      },
      run: (kernels, { grad, out, ...stored }) => {
        kernels.linearGradient({ grad, weight: weightView(dtype, [outputs, inputs], stored), out });
      },
      expected: ({ values, scales, grad }) => ({
        out: matmul.matmul(grad, weightElements(dtype, [outputs, inputs], values, scales)),
      }),
    }),
  );

/** Where a backend cannot see in time that an id is outside. */
const idsOutside = (dtype: WeightDType): Check =>
  kernel({
    name: `${dtype}: the rows of ids outside are NaN`,
    inputs: { ...weightInputs(dtype, [4, 3]), ids: literal([-1, 2, 4], [3], "i32"), out: unwritten([3, 3]) },
    run: (kernels, { ids, out, ...stored }) => kernels.gather({ weight: weightView(dtype, [4, 3], stored), ids, out }),
    expected: ({ values, scales }) => {
      const row = weightElements(dtype, [4, 3], values, scales).data.subarray(6, 9);
      return { out: array([3, 3], [nan, nan, nan, ...row, nan, nan, nan]) };
    },
    tolerance: 1e-7,
    without: "indexErrors",
  });

type Change = (x: number, i: number) => number;

/** Activations whose products with codes are beyond f32, though those with small weights are not. */
const hugeProducts: Readonly<Record<string, Change>> = { "numbers of 1e38": (x) => x * 1.5e38 };

/** Rows of activations that codes of 16 bits hold badly, or not at all. */
const unusual: Readonly<Record<string, Change>> = {
  ...hugeProducts,
  "an outlier": (x, i) => (i === 40 ? 1000 : x),
  "zeros in a block": (x, i) => (i < 32 ? 0 : x),
  zeros: () => 0,
  "numbers of 1e-33": (x) => x * 1e-33,
  "a block of 1e-33 beside others": (x, i) => (i < 32 ? x * 1e-33 : i < 64 ? 0 : x * 1e-32),
  "numbers of 1e33": (x) => x * 1e33,
  "∞": (x, i) => (i === 40 ? inf : x),
  "∞ and −∞": (x, i) => (i === 3 ? -inf : i === 40 ? inf : x),
  NaN: (x, i) => (i === 69 ? nan : x),
};

/** The bound that the contract states, for each output, and the rounding of sums. */
const bounded = (dtype: WeightDType): Check[] =>
  Object.entries(unusual).flatMap(([name, change]) =>
    [1, 8].map((rows): Check => {
      const [inputs, outputs] = [70, 9];
      const { expected: weight, use } = weightOf(dtype, [outputs, inputs], name in hugeProducts ? 2 ** -6 : 1);
      // The last row is unusual; the others are not affected.
      const x = Float32Array.from(numbers([rows, inputs]).values(3), (value, i) => {
        return i < (rows - 1) * inputs ? value : change(value, i % inputs);
      });
      return {
        name: `${dtype}: ${rows} rows, the last with ${name}`,
        needs: name === "NaN" || name.startsWith("∞") ? "nan" : undefined,
        async run(backend) {
          const result = scope(() =>
            use(backend, (stored) => linear(tensor(x, { shape: [rows, inputs], backend }), stored)),
          );
          const actual = await result.data();
          result.dispose();
          for (let i = 0; i < rows * outputs; i++) {
            const [row, output] = [Math.floor(i / outputs), i % outputs];
            const terms = Array.from({ length: inputs }, (_, j) => x[row * inputs + j] * weight.data[output * inputs + j]);
            const wanted = terms.reduce((sum, term) => sum + term, 0);
            let bound = 1e-6 * terms.reduce((sum, term) => sum + Math.abs(term), 0);
            for (let block = 0; block < inputs; block += 32) {
              const columns = Array.from({ length: Math.min(32, inputs - block) }, (_, j) => block + j);
              const largest = Math.max(...columns.map((j) => Math.abs(x[row * inputs + j])));
              const size = columns.reduce((sum, j) => sum + Math.abs(weight.data[output * inputs + j]), 0);
              if (hasScales(dtype)) bound += 2 ** -15 * largest * size;
            }
            if (Object.is(actual[i], wanted) || Math.abs(actual[i] - wanted) <= bound) continue;
            throw new Error(`output [${row}, ${output}]: expected ${wanted}, got ${actual[i]}; bound ${bound}`);
          }
        },
      };
    }),
  );

/** Several rows, so that all parts of a format are read. */
const reading = (dtype: PackedDType): Check => {
  const [rows, columns] = [3, 40];
  const elements = Float32Array.from({ length: rows * columns }, () => 1);
  const tolerance = hasScales(dtype) ? 1e-3 : 0;
  return reads(`${dtype}`, array([rows, columns], elements), (backend) => {
    const weight = PackedWeight.zeros(dtype, [rows, columns], { backend });
    weight.writeRows(0, elements);
    return {
      read: () => weight.data(),
      overwrite: () => weight.writeRows(0, elements.map((x) => 100 * x)),
      dispose: () => weight.dispose(),
    };
  }, tolerance);
};

export const weightChecks = {
  linear: [
    ...eachDType((dtype) => [...products(dtype), ...bounded(dtype), ...[...linears(dtype), ...heads(dtype)].map(values)]),
    ...floatLinear,
    ...everyProduct,
  ],
  linearGradient: [
    ...eachDType((dtype) => [...inputGradients(dtype), ...[...linears(dtype), ...heads(dtype)].map(gradients)]),
    ...floatLinearGradient,
    everyGradient,
  ],
  gather: [
    idsOutside("f32"),
    ...floatLookups,
    everyLookup,
    ...eachDType((dtype) => [
      ...lookups(dtype).map(values),
      ...(dtype === "f32" ? [] : [reading(dtype), idsOutside(dtype)]),
      ...[-1, 4, 2147483647, -2147483648].map((id) =>
        failure("index-out-of-range", {
          name: `${dtype}: the id ${id} in a table of 4 rows`,
          inputs: { ids: literal([0, id, 1], [3], "i32") },
          run: ({ ids }) => weightOf(dtype, [4, 3]).use(ids.backend, (table) => embedding(table, ids)),
          needs: "indexErrors",
        }),
      ),
    ]),
  ],
} satisfies ChecksOf<WeightKernels>;
