import { beforeEach, describe, expect, test } from "vitest";
import { add, keep, mul, noGrad, scope, slice, tanh, useBackend, zeros } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import type { Hooks } from "./hooks.ts";
import { GPT } from "./model.ts";
import { architectures, compositions, idsOf, largestDifference, tiny } from "../test/fixtures.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const rows = [
  [1, 2, 3, 4, 5],
  [12, 0, 7, 7, 3],
];
const targets = [
  [2, 3, 4, 5, 6],
  [0, 7, 7, 3, 1],
];
const names = [
  "embed",
  ...[0, 1].flatMap((layer) =>
    ["attention.pattern", "attention.output", "attention.residual", "mlp.hidden", "residual"].map((name) => `blocks.${layer}.${name}`),
  ),
  "residual",
  "logits",
];

function logits(model: GPT, hooks?: Hooks): Float32Array {
  return scope(() => noGrad(() => model.forward(idsOf(rows), { hooks }).dataSync()));
}

/** The weights' gradients of one pass, one behind the other. */
function gradients(model: GPT, hooks?: Hooks): Float32Array {
  for (const parameter of model.parameters()) {
    parameter.grad?.dispose();
    parameter.grad = undefined;
  }
  scope(() => model.loss(idsOf(rows), idsOf(targets), { hooks }).backward());
  return Float32Array.from(
    model.parameters().flatMap(({ grad, size }) => [...(grad?.dataSync() ?? new Float32Array(size))]),
  );
}

test("every activation is seen once, in order, in its documented shape", () => {
  const model = new GPT(tiny);
  const shapes: [string, readonly number[]][] = [];
  const look = (x: Tensor, name: string): void => void shapes.push([name, x.shape]);
  logits(model, Object.fromEntries(names.map((name) => [name, look])));
  expect(shapes).toEqual(
    names.map((name) => {
      if (name.endsWith("pattern")) return [name, [2, 2, 5, 5]];
      if (name.endsWith("hidden")) return [name, [10, 12]];
      return [name, name === "logits" ? [2, 5, 13] : [10, 8]];
    }),
  );
});

describe.each(Object.entries({ ...architectures, ...compositions }))("%s", (_, options) => {
  const looking = Object.fromEntries(names.map((name) => [name, () => undefined]));

  test("looking changes neither the results nor the gradients", () => {
    const model = new GPT(options, { seed: 1 });
    expect(largestDifference(logits(model, looking), logits(model))).toBeLessThan(1e-5);
    expect(largestDifference(gradients(model, looking), gradients(model))).toBeLessThan(1e-5);
  });

  test("rows of a pattern sum to one, or to less where there are sinks, and nobody looks ahead or beyond a window", () => {
    const model = new GPT(options, { seed: 1 });
    const { sinks = false, window = Infinity } = model.config.blocks[1].attention;
    logits(model, {
      "blocks.1.attention.pattern": (pattern) => {
        const values = pattern.dataSync();
        for (let row = 0; row < values.length / 5; row++) {
          const weights = values.subarray(row * 5, (row + 1) * 5);
          const total = weights.reduce((total, weight) => total + weight);
          if (sinks) expect(total).toBeLessThan(0.99);
          else expect(total).toBeCloseTo(1, 5);
          weights.forEach((weight, key) => {
            const query = row % 5;
            expect(weight > 0, `${key} of ${query}`).toBe(key <= query && key > query - window);
          });
        }
      },
    });
  });

  test.each(names)("patching %s changes what follows and its gradient", (name) => {
    const model = new GPT(options, { seed: 1 });
    // No mere scaling, which the normalization behind it undoes.
    const patched = { [name]: (x: Tensor) => tanh(mul(x, 2)) };
    expect(largestDifference(logits(model, patched), logits(model))).toBeGreaterThan(1e-3);
    expect(largestDifference(gradients(model, patched), gradients(model))).toBeGreaterThan(1e-4);
    const same = { [name]: (x: Tensor) => add(x, 0) };
    expect(largestDifference(logits(model, same), logits(model))).toBeLessThan(1e-5);
    expect(largestDifference(gradients(model, same), gradients(model))).toBeLessThan(1e-5);
  });
});

test("looking at a pattern changes no more than rounding does, over 48 tokens too", () => {
  const model = new GPT({ ...tiny, contextLength: 48, initialStd: 0.5 });
  const row = Array.from({ length: 48 }, (_, i) => (i * i + 3) % 13);
  const pass = (hooks?: Hooks): Float32Array => {
    for (const parameter of model.parameters()) {
      parameter.grad?.dispose();
      parameter.grad = undefined;
    }
    const logits = scope(() => noGrad(() => model.forward(idsOf([row]), { hooks }).dataSync()));
    scope(() => model.loss(idsOf([row]), idsOf([[...row.slice(1), 5]]), { hooks }).backward());
    return Float32Array.from([logits, ...model.parameters().map(({ grad }) => grad?.dataSync() ?? [])].flatMap((part) => [...part]));
  };
  const patterns = [0, 1].map((layer) => [`blocks.${layer}.attention.pattern`, () => undefined]);
  const [fused, explicit] = [pass(), pass(Object.fromEntries(patterns) as Hooks)];
  const size = Math.hypot(...fused);
  expect(size).toBeGreaterThan(1);
  expect(Math.hypot(...fused.map((value, i) => value - explicit[i])) / size).toBeLessThan(3e-6);
});

test("an activation that is patched away gets no gradient, and a captured one can be read later", () => {
  const model = new GPT(tiny, { seed: 1 });
  const before = backend.memory.liveBuffers;
  let captured: Tensor | undefined;
  gradients(model, {
    "blocks.0.residual": (x) => {
      captured = keep(x.detach());
      return zeros(x.shape);
    },
  });
  expect(captured?.shape).toEqual([10, 8]);
  expect(captured?.dataSync().some((value) => value !== 0)).toBe(true);
  captured?.dispose();
  const of = (path: string): Tensor | undefined => model.stateDict().get(path)?.grad;
  expect(of("blocks.0.mlp.up.weight")).toBeUndefined();
  expect(of("blocks.1.mlp.up.weight")).toBeDefined();
  const gradientCount = model.parameters().filter(({ grad }) => grad).length;
  expect(backend.memory.liveBuffers).toBe(before + gradientCount);
});

test("a tensor that a hook returns stays with its owner", () => {
  const model = new GPT(tiny, { seed: 1 });
  const own = zeros([10, 8]);
  for (const name of ["embed", "blocks.0.residual", "blocks.1.residual", "residual"]) {
    logits(model, { [name]: () => own });
  }
  expect([...own.dataSync()]).toEqual(new Array(80).fill(0));
});

test("patching one sequence leaves the other alone", () => {
  const model = new GPT(tiny, { seed: 1 });
  const [plain, patched] = [
    logits(model),
    logits(model, {
      "blocks.0.mlp.hidden": (x) =>
        mul(
          x,
          scope(() => halfOnes(x)),
        ),
    }),
  ];
  const half = plain.length / 2;
  expect(largestDifference(plain.slice(half), patched.slice(half))).toBeLessThan(1e-6);
  expect(largestDifference(plain.slice(0, half), patched.slice(0, half))).toBeGreaterThan(1e-3);
});

/** 0 for the first half of the rows, 1 for the others. */
function halfOnes(like: Tensor): Tensor {
  const mask = zeros(like.shape);
  backend.write(
    scope(() => slice(mask, 0, like.shape[0] / 2)),
    new Float32Array(like.size / 2).fill(1),
  );
  return mask;
}

describe("says what is wrong", () => {
  test("with a name that no activation has", () => {
    const model = new GPT(tiny);
    expect(() => logits(model, { "blocks.2.residual": () => undefined })).toThrow(
      'there is no hook point "blocks.2.residual"; there are embed, residual, logits, and in the blocks.0 to ' +
        "blocks.1: attention.pattern, attention.output, attention.residual, mlp.hidden, residual",
    );
  });

  test("with a tensor of another shape", () => {
    const model = new GPT(tiny);
    expect(() => logits(model, { embed: (x) => slice(x, 0, 0, 5) })).toThrow(
      "the hook embed returned [5, 8], expected [10, 8]",
    );
  });
});
