import type { DropoutKernels, RandomKernels } from "../../contract/index.ts";
import * as create from "../../core/create.ts";
import type { Tensor } from "../../core/tensor.ts";
import { concat } from "../../ops/movement.ts";
import { dropout } from "../../ops/random.ts";
import type { PhiloxKey } from "../../philox.ts";
import type { ChecksOf } from "../case.ts";
import { literal, numbers, unwritten } from "../inputs.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import type { NdArray } from "../reference/array.ts";
import { array, generate, map, reshape } from "../reference/array.ts";
import * as reference from "../reference/random.ts";
import { range, rangeGradient, wholeRange } from "../whole-range.ts";
import type { Truth } from "../whole-range.ts";
import { kernel } from "../write-case.ts";

/** Random123's second half of π as a key, and words with their highest bit set. */
const keys: readonly PhiloxKey[] = [
  { seed: [0, 0], stream: [0, 0] },
  { seed: [0xa4093822, 0x299f31d0], stream: [0x13198a2e, 0x03707344] },
  { seed: [0xffffffff, 0xffffffff], stream: [0xffffffff, 0xffffffff] },
  { seed: [1, 0], stream: [0, 1] },
];

const [, key] = keys;

/** Known words: Random123's kat_vectors for a counter and key of zeros. */
const known = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];

const dropouts: readonly OpCase[] = [
  ...[0, 0.1, 0.5, 0.999].map((probability) =>
    op({
      name: `probability ${probability}`,
      inputs: { x: numbers([50], { layout: "offset" }) },
      run: ({ x }) => dropout(x, probability, key),
      reference: ({ x }) => reference.dropout(x, probability, key),
    }),
  ),
  op({
    name: "strided",
    inputs: { x: numbers([3, 5, 7], { layout: "transposed" }) },
    run: ({ x }) => dropout(x, 0.3, keys[2]),
    reference: ({ x }) => reference.dropout(x, 0.3, keys[2]),
  }),
  op({
    name: "nothing",
    inputs: { x: numbers([0, 3]) },
    run: ({ x }) => dropout(x, 0.3, key),
    reference: ({ x }) => x,
  }),
  op({
    name: "large",
    inputs: { x: numbers([10_007]) },
    run: ({ x }) => dropout(x, 0.2, keys[3]),
    reference: ({ x }) => reference.dropout(x, 0.2, keys[3]),
  }),
];

const [first] = reference.uniform(key, 1).data;
/** A probability between the key's first number and the next f32: in f32 it would round to the number itself. */
const between = first + 2 ** -40;

/** Elements, and their places, by each of which others are dropped; several probabilities side by side. */
const probabilities = [0, 0.1, 0.3, 0.5, 0.9, 0.999];
const elements = [...Array.from({ length: 200 }, () => wholeRange).flat(), ...Array.from(numbers([8192]).values(0))];
const uniforms = reference.uniform(key, elements.length).data;
const dropped = {
  x: literal(elements, [elements.length, 1]),
  place: literal([...elements.keys()], [elements.length, 1]),
};

const manyDropouts = (x: Tensor): Tensor => concat(probabilities.map((probability) => dropout(x, probability, key)), 1);

const droppedAll = (x: NdArray, place: NdArray): Truth => ({
  value: generate([x.data.length, probabilities.length], ([row, i]) =>
    uniforms[place.data[row]] >= probabilities[i] ? x.data[row] * reference.survivorScale(probabilities[i]) : 0,
  ),
});

export const randomChecks = {
  uniform: [
    kernel({
      name: "Random123's known words",
      inputs: { out: unwritten([4]) },
      run: (kernels, { out }) => kernels.uniform({ key: keys[0], out }),
      expected: () => ({ out: array([4], known.map((word) => (word >>> 8) / 2 ** 24)) }),
      tolerance: 0,
    }),
    ...keys.flatMap((key) =>
      [1, 6, 1031].map((size) =>
        kernel({
          name: `${size} numbers of the key ${key.seed.join(":")}, ${key.stream.join(":")}`,
          inputs: { out: unwritten([size]) },
          run: (kernels, { out }) => kernels.uniform({ key, out }),
          expected: () => ({ out: reference.uniform(key, size) }),
          tolerance: 0,
        }),
      ),
    ),
    values(
      op({
        name: "the factory `rand`",
        inputs: { like: numbers([]) },
        run: ({ like }) => create.rand([3, 5], { key, backend: like.backend }),
        reference: () => reshape(reference.uniform(key, 15), [3, 5]),
        tolerance: 0,
      }),
    ),
    values(
      op({
        name: "the factory `randn`, made on the host",
        inputs: { like: numbers([]) },
        run: ({ like }) => create.randn([3, 5], { key, backend: like.backend }),
        reference: () => {
          const { shape, data } = reshape(reference.normal(key, 15), [3, 5]);
          return { shape, data: data.map(Math.fround) };
        },
        tolerance: 0,
      }),
    ),
  ],
  dropout: [
    kernel({
      name: "in place",
      inputs: { x: numbers([37], { layout: "offset" }) },
      run: (kernels, { x }) => kernels.dropout({ x, probability: 0.4, key, out: x }),
      expected: ({ x }) => ({ x: reference.dropout(x, 0.4, key) }),
    }),
    kernel({
      name: "compares with the probability itself, not rounded to f32",
      inputs: { x: literal([1, 1, 1]), out: unwritten([3]) },
      run: (kernels, { x, out }) => kernels.dropout({ x, probability: between, key, out }),
      expected: ({ x }) => ({ out: reference.dropout(x, between, key) }),
    }),
    kernel({
      name: "keeps a number equal to the probability",
      inputs: { x: literal([1, 1, 1]), out: unwritten([3]) },
      run: (kernels, { x, out }) => kernels.dropout({ x, probability: first, key, out }),
      expected: ({ x }) => ({ out: reference.dropout(x, first, key) }),
    }),
    // To the bit: the product of two f32 numbers is exact in float64.
    range({
      name: "many elements and probabilities",
      inputs: dropped,
      run: ({ x }) => manyDropouts(x),
      truths: [({ x, place }) => droppedAll(x, place)],
      bound: 0,
    }),
    rangeGradient({
      name: "an infinite gradient of what is dropped",
      inputs: { ...dropped, grad: literal(elements.map(() => Infinity), [elements.length, 1]) },
      run: ({ x }) => dropout(x, 0.5, key),
      truths: {
        x: [({ place }) => ({ value: map(place, (at) => (uniforms[at] >= 0.5 ? Infinity : 0)) })],
      },
      bound: 0,
    }),
    ...dropouts.flatMap((subject) => [values(subject), gradients(subject)]),
  ],
} satisfies ChecksOf<RandomKernels & DropoutKernels>;
