import { isGptError, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { collect } from "@gpt/testing/memory-folder";
import { RandomNumbers } from "@gpt/testing/mutate";
import { beforeAll, expect, test } from "vitest";
import { architectures, compositions } from "../../test/fixtures.ts";
import { toys } from "../../test/onnx-toys.ts";
import { readModel } from "../../test/read-onnx.ts";
import type { ReadGraph } from "../../test/read-onnx.ts";
import { describeModel } from "../describe.ts";
import { GPT } from "../model.ts";
import { onnxFiles } from "../onnx.ts";
import { resolveConfig } from "../resolve-config.ts";
import type { GPTOptions } from "../short-form.ts";

beforeAll(async () => void useBackend(await cpu()));

const count = process.env.GPT_VERIFY ? 100_000 : 150;

/** What stands in the place of a setting: what it may be, and what nobody writes. */
const odd = [
  undefined, null, true, false, "", "silu", "relu", "tied", "x".repeat(3000), [], {}, NaN, Infinity, -1, 0, -0, 1, 2, 3, 4, 5, 8, 12, 0.5, 1.5, 1e-5,
  5e-324, 1e-45, 1e-39, 3.5e38, -3.5e38, 1e300, 1e-300, 1024, 2 ** 31 - 1, 2 ** 31, 2 ** 53, 1e16,
];
const corpus = [...Object.values(architectures), ...Object.values(compositions), ...Object.values(toys)].flatMap((options) => [options, resolveConfig(options as GPTOptions)]);

/** A configuration in which a few settings are others, come from another place, or are gone. */
function mutated(random: RandomNumbers): unknown {
  const config = structuredClone(random.pick(corpus)) as Record<string, unknown>;
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    let at: Record<string, unknown> = config;
    for (;;) {
      const key = random.pick(Object.keys(at));
      const value = at[key];
      if (typeof value === "object" && value !== null && Object.keys(value).length > 0 && random.below(8) > 0) {
        at = value as Record<string, unknown>;
        continue;
      }
      const kind = random.below(10);
      if (kind === 0) delete at[key];
      else if (kind === 1) at[random.pick(["window", "scale", "rotary", "sinks", "headNorm", "bias"])] = random.pick(odd);
      else at[key] = typeof value === "number" && random.below(3) === 0 ? value * random.pick([2, 0.5, 1e30, 1e-30, -1]) : random.pick(odd);
      break;
    }
  }
  return config;
}

/** What ONNX asks of each node: attributes that are numbers of their types, and values that are defined once, before they are used. */
function checkNodes(nodes: ReadGraph["nodes"], known: Set<string>): void {
  for (const { inputs, outputs, attributes } of nodes) {
    for (const input of inputs) if (!known.has(input)) throw new Error(`${input} is not defined`);
    for (const { name, graph, float = 0, integer = 0, integers = [] } of attributes) {
      if (Number.isNaN(float) || ![integer, ...integers].every(Number.isSafeInteger)) throw new Error(`attribute ${name}`);
      for (const { name } of graph?.inputs ?? []) known.add(name);
      if (graph) checkNodes(graph.nodes, known);
    }
    for (const output of outputs) {
      if (known.has(output)) throw new Error(`${output} is defined twice`);
      known.add(output);
    }
  }
}

test(`${count} configurations that were changed are written as graphs, or refused with a word`, async () => {
  const random = new RandomNumbers(7);
  let written = 0;
  for (let i = 0; i < count; i++) {
    const options = mutated(random);
    try {
      const config = resolveConfig(options as GPTOptions);
      const { parameters } = describeModel(config);
      if (parameters.total > 60_000 || config.blocks.length > 8 || config.contextLength > 5000) continue;
      const model = new GPT(config, { weights: "zeros" });
      try {
        const files = await collect(onnxFiles(model, { dtype: random.pick(["f32", "int8"]), maxFileBytes: random.pick([1, 5000, 2e9]) }));
        const { graph } = readModel(Object.values(files).at(-1)!);
        checkNodes(graph.nodes, new Set(["", ...[...graph.initializers, ...graph.inputs].map(({ name }) => name)]));
        written++;
      } finally {
        model.dispose();
      }
    } catch (error) {
      const shown = JSON.stringify(options, (_, value: unknown) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value));
      if (!isGptError(error)) throw new Error(shown, { cause: error });
      expect(error.message, shown).toMatch(/^[^\n]{10,700}$/);
    }
  }
  expect(written).toBeGreaterThan(count / 20);
}, 3_600_000);

test("settings that f32 does not hold are written as f32 has them", async () => {
  for (const [epsilon, written] of [[3.5e38, Infinity], [1e-50, 0], [0.1, Math.fround(0.1)]]) {
    const config = resolveConfig(architectures["GPT-2"]);
    const model = new GPT({ ...config, finalNorm: { type: "layer" as const, epsilon } });
    const { graph } = readModel((await collect(onnxFiles(model)))["model.onnx"]);
    const norms = graph.nodes.filter(({ type }) => type === "LayerNormalization");
    expect(norms.at(-1)!.attributes.find(({ name }) => name === "epsilon")!.float).toBe(written);
  }
});
