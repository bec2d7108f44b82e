import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeParts, useBackend } from "@gpt/tensor";
import type { PackedWeight } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { meta } from "@gpt/tensor/meta";
import { Linear, Sequential } from "@gpt/nn";
import { collect } from "@gpt/testing/memory-folder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compositions, tiny } from "../../test/fixtures.ts";
import { digestOf, digestsPath, toy, toyNames, toys } from "../../test/onnx-toys.ts";
import { readModel } from "../../test/read-onnx.ts";
import type { ReadGraph } from "../../test/read-onnx.ts";
import { GPT } from "../model.ts";
import { loadModel } from "../node.ts";
import { saveONNX } from "../onnx-node.ts";
import { onnxFiles } from "../onnx.ts";
import type { ONNXFilesOptions } from "../onnx.ts";

let directory: string;
beforeAll(async () => {
  useBackend(await cpu());
  directory = await mkdtemp(join(tmpdir(), "onnx-"));
});
afterAll(() => rm(directory, { recursive: true }));

const graphOf = async (model: GPT, options?: ONNXFilesOptions): Promise<ReadGraph> => {
  const files = await collect(onnxFiles(model, options));
  return readModel(Object.values(files).at(-1) as Uint8Array).graph;
};

describe.each(toyNames)("%s", (name) => {
  test.each(["f32", "int8"] as const)("has the bytes that ONNX Runtime computed right, in %s", async (dtype) => {
    const digests = JSON.parse(readFileSync(digestsPath, "utf8")) as Record<string, string>;
    expect(await digestOf(name, dtype)).toBe(digests[`${name} ${dtype}`]);
  });
});

describe("a graph", () => {
  test("has inputs and outputs under the names of Hugging Face, whose batch and lengths may be any", async () => {
    const { graph: { inputs, outputs }, irVersion, opsets } = readModel((await collect(onnxFiles(toy("llama"))))["model.onnx"]);
    const described = (values: ReadGraph["inputs"]): unknown[] => values.map(({ name, type: { tensor: { element, shape } } }) =>
      [name, element, ...(shape?.axes ?? []).map((axis) => axis.name ?? axis.size)]);
    const all = "past_sequence_length + sequence_length";
    const caches = (prefix: string, length: string): unknown[] => [0, 1].flatMap((i) => ["key", "value"].map((what) =>
      [`${prefix}.${i}.${what}`, 1, "batch_size", 2, length, 16]));
    expect(described(inputs)).toEqual([
      ["input_ids", 7, "batch_size", "sequence_length"],
      ["attention_mask", 7, "batch_size", all],
      ["position_ids", 7, "batch_size", "sequence_length"],
      ...caches("past_key_values", "past_sequence_length"),
    ]);
    expect(described(outputs)).toEqual([["logits", 1, "batch_size", "sequence_length", 97], ...caches("present", all)]);
    expect([irVersion, opsets]).toEqual([10, [{ domain: "", version: 21 }]]);
  });

  test.each(Object.entries(compositions))("of %s defines each value once, before it is used", async (_, config) => {
    const { initializers, inputs, outputs, nodes } = await graphOf(new GPT(config));
    const known = new Set<string>(["", ...[...initializers, ...inputs].map(({ name }) => name)]);
    expect(known.size).toBe(1 + initializers.length + inputs.length);
    const visit = (nodes: ReadGraph["nodes"]): void => {
      for (const { inputs, outputs, attributes } of nodes) {
        for (const input of inputs) expect(known).toContain(input);
        for (const { graph } of attributes) {
          for (const { name } of graph?.inputs ?? []) known.add(name);
          if (graph) visit(graph.nodes);
        }
        for (const output of outputs) expect(known).not.toContain(output);
        for (const output of outputs) known.add(output);
      }
    };
    visit(nodes);
    for (const { name } of outputs) expect(known).toContain(name);
  });

  test("holds the weights, whole or in files of limited size", async () => {
    const model = toy("gpt-oss");
    const weights = new Map(model.namedWeights());
    const whole = await graphOf(model);
    const { "model.onnx": last, ...data } = await collect(onnxFiles(model, { maxFileBytes: 60_000 }));
    expect(Object.keys(data).length).toBeGreaterThan(3);
    for (const bytes of Object.values(data)) expect(bytes.length).toBeLessThanOrEqual(97 * 64 * 48 * 4);
    const { initializers } = readModel(last).graph;
    const elementBytes: Record<number, number> = { 1: 4, 3: 1, 7: 8 };
    for (const [i, { name, type, shape, raw = new Uint8Array() }] of whole.initializers.entries()) {
      expect(raw.length).toBe(shape.reduce((product, size) => product * size, elementBytes[type]));
      const other = initializers.find((other) => other.name === name);
      const { location, offset, length } = Object.fromEntries((other?.external ?? []).map(({ key, value }) => [key, value]));
      if (location) expect([Number(offset) % 4096, Number(length)]).toEqual([0, raw.length]);
      const bytes = location ? data[location].subarray(Number(offset), Number(offset) + Number(length)) : other?.raw;
      expect(bytes, name).toEqual(raw);
      const weight = weights.get(name);
      if (weight) expect(raw, `${i} ${name}`).toEqual(new Uint8Array((await weight.data()).buffer));
    }
    expect([...weights.keys()].filter((path) => !whole.initializers.some(({ name }) => name === path))).toEqual([]);
  });

  test("in int8 has the bytes and the scales of weights that the model has so", async () => {
    // 24 columns do not fill a block of 32, 40 fill one and part of another.
    const model = new GPT({ ...tiny, dim: 40, heads: 2, hiddenDim: 24 }, { seed: 2, dtype: "int8" });
    const { initializers } = await graphOf(model, { dtype: "int8" });
    const find = (name: string) => initializers.find((each) => each.name === name) as (typeof initializers)[number];
    for (const path of ["tokenEmbedding.weight", "blocks.1.mlp.down.weight"]) {
      const weight = new Map(model.namedWeights()).get(path) as PackedWeight;
      const [rows, columns] = weight.shape;
      const [values, scales] = [find(path), find(`${path}_scale`)];
      expect([values.shape, scales.shape]).toEqual([[columns, rows], [Math.ceil(columns / 32), rows]]);
      const bytes = new Int8Array(Uint8Array.from(values.raw as Uint8Array).buffer);
      const factors = new Float32Array(Uint8Array.from(scales.raw as Uint8Array).buffer);
      const elements = Float32Array.from({ length: rows * columns }, (_, i) => {
        const [row, column] = [Math.floor(i / columns), i % columns];
        return bytes[column * rows + row] * factors[Math.floor(column / 32) * rows + row];
      });
      expect(elements).toEqual(decodeParts(await weight.readRows()));
    }
  });

  test("in int8 has the same bytes in whatever order its files are written", async () => {
    const write = (reversed: boolean): Promise<Record<string, Uint8Array>> => {
      const files = onnxFiles(toy("gpt-oss"), { dtype: "int8", maxFileBytes: 3000 });
      return collect(reversed ? files.reverse() : files);
    };
    const [forwards, backwards] = [await write(false), await write(true)];
    expect(Object.keys(forwards).length).toBeGreaterThan(10);
    expect(backwards).toEqual(forwards);
  });

  test("is refused of a model whose parts were replaced", () => {
    const model = new GPT(tiny);
    model.setSubmodule("blocks.0.mlp.up", new Sequential(new Linear(8, 4), new Linear(4, 12)));
    expect(() => onnxFiles(model)).toThrow("onnxFiles cannot write this model: it has parts in the place of others, such as blocks.0.mlp.up");
  });

  test("is refused with options that are none", () => {
    const model = new GPT(tiny);
    const wrong = (options: unknown) => () => onnxFiles(model, options as ONNXFilesOptions);
    expect(wrong({ dtype: "int4" })).toThrow('onnxFiles: dtype must be one of "f32", "int8", not "int4"');
    expect(wrong({ maxFileBytes: 0 })).toThrow("onnxFiles: maxFileBytes must be a number above 0");
    expect(() => onnxFiles(useBackend(meta(), () => new GPT(tiny)))).toThrow("onnxFiles: tokenEmbedding.weight has no values");
    expect(() => onnxFiles({} as GPT)).toThrow("onnxFiles: model must be a GPT");
  });
});

describe("a folder of ONNX", () => {
  test("has what transformers.js reads, and replaces what was there", async () => {
    const path = join(directory, "folder");
    const model = new GPT(toys.gpt2, { generation: { temperature: 0.5 } });
    await saveONNX(model, path, { dtype: ["f32", "int8"], maxFileBytes: 50_000, extraFiles: { "tokenizer.json": "{}" } });
    const graphs = (await readdir(join(path, "onnx"))).sort();
    expect(graphs).toContain("model.onnx_data_1");
    expect(graphs).toContain("model_quantized.onnx");
    const config = async () => JSON.parse(await readFile(join(path, "config.json"), "utf8")) as Record<string, unknown>;
    const { model_type, "transformers.js_config": settings } = await config();
    const count = (name: string): number => graphs.filter((graph) => graph.startsWith(`${name}_data`)).length;
    expect(model_type).toBe("gpt2");
    expect(settings).toEqual({
      use_external_data_format: { "model.onnx": count("model.onnx"), "model_quantized.onnx": count("model_quantized.onnx") },
    });

    await saveONNX(model, path);
    expect(await readdir(join(path, "onnx"))).toEqual(["model.onnx"]);
    expect((await readdir(path)).sort()).toEqual(["config.json", "generation_config.json", "onnx", "tokenizer.json"]);
    expect(await config()).not.toHaveProperty(["transformers.js_config"]);
    await expect(loadModel(path)).rejects.toThrow("model.safetensors");
  });

  test("is refused with no dtype at all", async () => {
    await expect(saveONNX(new GPT(tiny), directory, { dtype: [] })).rejects.toThrow("saveONNX: dtype is an empty list");
  });
});
