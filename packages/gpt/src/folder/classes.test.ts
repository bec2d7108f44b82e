import { linear, scope, useBackend } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { beforeEach, describe, expect, test } from "vitest";
import { idsOf, tiny } from "../../test/fixtures.ts";
import { decoder } from "../architectures/decoder.ts";
import { architectures } from "../architectures/index.ts";
import { classifierFrom } from "../classifier.ts";
import type { GPTConfig } from "../config.ts";
import { ggufModelChunks } from "../gguf.ts";
import { GPT } from "../model.ts";
import { onnxFiles } from "../onnx.ts";
import { resolveConfig } from "../resolve-config.ts";
import { loadModelFrom } from "./load.ts";
import { modelFiles } from "./save.ts";

beforeEach(async () => {
  useBackend(await cpu());
});

const labels = ["negative", "neutral", "positive"];
const ids = [[1, 2, 3, 4]];
const valuesOf = (make: () => Tensor): Float32Array => scope(() => make().dataSync());
const scoresOf = (model: GPT): Float32Array => valuesOf(() => model.forward(idsOf(ids)));
const filesOf = (model: GPT) => collect(modelFiles(model, architectures));
const configOf = (files: Awaited<ReturnType<typeof filesOf>>) =>
  JSON.parse(new TextDecoder().decode(files["config.json"])) as Record<string, unknown>;

test("a classifier has the language model's parts, and a score for each label", async () => {
  const { backend } = new GPT(tiny);
  const [model, same] = [new GPT({ ...tiny, tiedHead: false }, { seed: 3 }), new GPT({ ...tiny, tiedHead: false }, { seed: 3 })];
  const live = backend.memory.liveBuffers;
  const classifier = classifierFrom(model, labels, { seed: 4 });
  // One head goes, and one comes.
  expect(backend.memory.liveBuffers).toBe(live);
  expect(classifier.head.weight.shape).toEqual([3, tiny.dim]);
  const hidden = valuesOf(() => linear(same.hidden(idsOf(ids)), classifier.head.weight));
  expect(scoresOf(classifier)).toEqual(hidden);
  expect(classifierFrom(classifier, ["a"], { seed: 4 }).config.head).toEqual({ type: "classes", labels: ["a"] });
});

const rotary = { theta: 10_000 };
const llama = {
  vocabSize: 13, contextLength: 8, dim: 8, windows: [undefined], heads: 2, kvHeads: 1, headDim: 4, rotary, epsilon: 1e-5,
  mlp: { type: "gated", hiddenDim: 12, gate: "silu" },
} as const;
const expert = { type: "gated", hiddenDim: 12, gate: "silu" } as const;
const languageModels: Readonly<Record<string, GPTConfig>> = {
  gpt2: resolveConfig(tiny),
  "openai-gpt": resolveConfig({ ...tiny, normPlacement: "post", hiddenDim: undefined }),
  "gpt-typescript": resolveConfig({ ...tiny, positions: "sinusoidal" }),
  llama: decoder({ ...llama, tiedHead: true }),
  qwen3: decoder({ ...llama, headNorm: true }),
  mixtral: decoder({ ...llama, mlp: { type: "experts", count: 3, active: 2, expert } }),
};

describe.each(Object.entries(languageModels))("as %s", (modelType, options) => {
  test("is written as Hugging Face's classifier, and read again", async () => {
    const model = classifierFrom(new GPT(options, { generation: { stopTokens: [7] } }), labels);
    const files = await filesOf(model);
    const config = configOf(files);
    expect(config.model_type).toBe(modelType);
    if (modelType !== "gpt-typescript") {
      expect(config).toMatchObject({
        architectures: [expect.stringMatching(/^\w+ForSequenceClassification$/)], problem_type: "single_label_classification",
        id2label: { 0: "negative", 1: "neutral", 2: "positive" }, label2id: { negative: 0, neutral: 1, positive: 2 }, pad_token_id: 7,
      });
      expect(Buffer.from(files["model.safetensors"]).includes('"score.weight"')).toBe(true);
    }
    const notes: string[] = [];
    const loaded = await loadModelFrom(memoryFolder(files, "model"), architectures, { onNote: (note) => notes.push(note) });
    expect(loaded.config.head).toEqual({ type: "classes", labels });
    expect(scoresOf(loaded)).toEqual(scoresOf(model));
    expect(notes).toEqual([]);
  });
});

describe("a folder of others", () => {
  const changed = async (fields: Record<string, unknown>): Promise<GPT> => {
    const files = await filesOf(classifierFrom(new GPT(tiny), ["a", "b"]));
    const config = { ...configOf(files), id2label: undefined, label2id: undefined, problem_type: undefined, ...fields };
    return loadModelFrom(memoryFolder({ ...files, "config.json": JSON.stringify(config) }, "model"), architectures);
  };

  test("has labels by their numbers, or as many as it says, or two", async () => {
    expect((await changed({})).config.head).toEqual({ type: "classes", labels: ["LABEL_0", "LABEL_1"] });
    expect((await changed({ num_labels: 2 })).config.head).toEqual({ type: "classes", labels: ["LABEL_0", "LABEL_1"] });
    expect((await changed({ id2label: { 1: "ham", 0: "spam" } })).config.head).toEqual({ type: "classes", labels: ["spam", "ham"] });
  });

  test.each([
    [{ num_labels: 3 }, "missing-tensor", "score.weight is [2, 8], expected [3, 8]"],
    [{ num_labels: 1e9 }, "invalid-file", "num_labels is 1000000000, expected a whole number from 1 to 100000"],
    [{ id2label: { 0: "a", 2: "b" } }, "invalid-file", "id2label.1 is missing"],
    [{ id2label: { 0: "a", 1: "a" } }, "invalid-file", 'head.labels[1] is "a", as another is'],
    [{ problem_type: "regression" }, "unsupported-model", 'problem_type "regression" is not supported'],
  ])("is refused with %o", async (fields, code, message) => {
    await expect(changed(fields)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  });
});

test("GGUF and ONNX do not hold it, and say so", () => {
  const model = classifierFrom(new GPT(tiny), labels);
  expect(() => ggufModelChunks(model)).toThrow("it has a head of classes");
  expect(() => onnxFiles(model)).toThrow("it has a head of classes");
});
