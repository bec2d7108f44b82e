import { beforeEach, describe, expect, test } from "vitest";
import { isGptError, noGrad, scope, useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { GPT } from "../model.ts";
import { safetensorsChunks } from "@gpt/formats";
import type { TensorSource } from "@gpt/formats";
import { collect, joined, memoryFolder } from "@gpt/testing/memory-folder";
import { architectures, idsOf, tiny } from "../../test/fixtures.ts";
import { mutations } from "@gpt/testing/mutate";
import { loadModelFrom } from "./load.ts";
import { modelFiles } from "./save.ts";
import { parseIndex } from "./weight-files.ts";
import { transpose, weightCount, weightPlaces } from "./weight-layout.ts";

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 3_000;

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

type Files = Record<string, Uint8Array | string>;

function weights(model: GPT): Record<string, Float32Array> {
  return Object.fromEntries(Array.from(model.namedParameters(), ([path, parameter]) => [path, parameter.dataSync()]));
}

function logits(model: GPT): Float32Array {
  return scope(() =>
    noGrad(() =>
      model
        .eval()
        .forward(idsOf([[1, 2, 3, 4]]))
        .dataSync(),
    ),
  );
}

async function tensorsOf(files: Iterable<TensorSource>): Promise<Uint8Array> {
  return (await collect([{ name: "x", chunks: safetensorsChunks([...files]) }])).x;
}

/** What a model's weight file holds, to be changed and written again. */
async function sourcesOf(model: GPT): Promise<Map<string, TensorSource>> {
  const parameters = model.stateDict();
  const sources = new Map<string, TensorSource>();
  for (const { path, name, shape, transposed } of weightPlaces(model.config)) {
    const values = await (parameters.get(path) as Tensor).data();
    const stored = transposed ? transpose(values, shape[0], shape[1]) : values;
    sources.set(name, { name, shape: transposed ? shape.toReversed() : shape, read: () => Promise.resolve(stored) });
  }
  return sources;
}

async function folderWith(files: Files): Promise<GPT> {
  return loadModelFrom(memoryFolder(files, "model"));
}

/** Loading fails, for this reason, and leaves nothing behind. */
async function expectRefusal(files: Files, code: string, problem: string): Promise<void> {
  const before = backend.memory.liveBuffers;
  const error = await folderWith(files).catch((error: unknown) => error);
  expect(isGptError(error)).toBe(true);
  expect(error).toMatchObject({ code, message: expect.stringContaining(problem) as string });
  expect(backend.memory.liveBuffers).toBe(before);
}

describe.each(Object.entries(architectures))("%s", (_, options) => {
  test.each([Infinity, 1000, 1])("is the same model after a folder with shards of %d bytes", async (maxShardBytes) => {
    const model = new GPT({ ...options, dropout: 0.1 }, { seed: 4 });
    const files = await collect(modelFiles(model, { maxShardBytes }));
    const loaded = await loadModelFrom(memoryFolder(files), { seed: 9 });
    expect(loaded.config).toEqual(model.config);
    expect(weights(loaded)).toEqual(weights(model));
    expect(logits(loaded)).toEqual(logits(model));
    expect(loaded.random.seed).toBe(9);
    expect("model.safetensors" in files).toBe(maxShardBytes === Infinity);
    loaded.dispose();
    model.dispose();
    expect(backend.memory.liveBuffers).toBe(0);
  });

  test("the layout names every parameter of the model, with its shape", () => {
    const model = new GPT(options);
    const expected = Array.from(model.namedParameters(), ([path, { shape }]) => [path, shape]);
    const places = [...weightPlaces(model.config)];
    expect(places.map(({ path, shape }) => [path, shape]).sort()).toEqual(expected.sort());
    expect(weightCount(model.config)).toBe(places.length);
    expect(new Set(places.map(({ name }) => name)).size).toBe(places.length);
  });
});

test("files are named and ordered as Hugging Face has them, config.json last", async () => {
  const model = new GPT(tiny);
  const options = { extraFiles: { "tokenizer.json": "{}" } };
  expect(modelFiles(model, options).map(({ name }) => name)).toEqual([
    "model.safetensors",
    "tokenizer.json",
    "config.json",
  ]);
  const sharded = await collect(modelFiles(model, { ...options, maxShardBytes: 2000 }));
  const names = Object.keys(sharded);
  expect(names).toEqual([
    ...Array.from({ length: names.length - 3 }, (_, i) => `model-0000${i + 1}-of-0000${names.length - 3}.safetensors`),
    "model.safetensors.index.json",
    "tokenizer.json",
    "config.json",
  ]);
  const index = JSON.parse(new TextDecoder().decode(sharded["model.safetensors.index.json"])) as {
    metadata: { total_size: number };
    weight_map: Record<string, string>;
  };
  expect(index.metadata.total_size).toBe(4 * model.parameterCount());
  expect(Object.keys(index.weight_map).sort()).toEqual([...(await sourcesOf(model)).keys()].sort());
});

test("weights have GPT-2's names and Conv1D's orientation: c_attn is [inputs, queries | keys | values]", async () => {
  const model = new GPT(tiny, { seed: 5 });
  const files = await collect(modelFiles(model));
  const header = JSON.parse(
    new TextDecoder().decode(files["model.safetensors"].slice(8)).split("}}")[0] + "}}",
  ) as Record<string, { shape: number[]; data_offsets: number[] }>;
  expect(Object.keys(header)).toContain("h.1.mlp.c_fc.weight");
  expect(header["h.0.attn.c_attn.weight"].shape).toEqual([8, 24]);
  expect(header["h.0.mlp.c_fc.weight"].shape).toEqual([8, 12]);
  expect(header["h.0.mlp.c_proj.weight"].shape).toEqual([12, 8]);
  const length = Number(new DataView(files["model.safetensors"].buffer).getBigUint64(0, true));
  const start = 8 + length + header["h.0.attn.c_attn.weight"].data_offsets[0];
  const view = new DataView(files["model.safetensors"].buffer);
  const qkv = (model.blocks[0].attention.qkv.weight as Tensor).dataSync(); // [24 outputs, 8 inputs]
  for (const [input, output] of [
    [0, 0],
    [3, 5],
    [7, 8],
    [2, 16],
    [6, 23],
  ]) {
    expect(view.getFloat32(start + 4 * (input * 24 + output), true)).toBe(qkv[output * 8 + input]);
  }
});

describe("reads folders of others", () => {
  const config = async (model: GPT): Promise<Uint8Array> => (await collect(modelFiles(model)))["config.json"];

  test("with the prefix, masks and a head that equals the embedding", async () => {
    const model = new GPT(tiny, { seed: 6 });
    const sources = [...(await sourcesOf(model)).values()];
    const embedding = sources.find(({ name }) => name === "wte.weight") as TensorSource;
    const mask = { shape: [1, 1, 8, 8], read: () => Promise.resolve(new Float32Array(64)) };
    const loaded = await folderWith({
      "config.json": await config(model),
      "model.safetensors": await tensorsOf([
        ...sources.map((source) => ({ ...source, name: `transformer.${source.name}` })),
        { ...mask, name: "transformer.h.0.attn.bias" },
        { ...mask, name: "h.1.attn.masked_bias" },
        { ...embedding, name: "lm_head.weight" },
      ]),
    });
    expect(weights(loaded)).toEqual(weights(model));
  });

  test("in F16, BF16 and F64", async () => {
    const model = new GPT(tiny, { seed: 6 });
    // Values that all formats hold: multiples of 1/8 below 2.
    for (const parameter of model.parameters()) {
      backend.write(
        parameter,
        Float32Array.from({ length: parameter.size }, (_, i) => ((i * 7) % 31) / 8 - 2),
      );
    }
    const formats: Record<string, (value: number, view: DataView, offset: number) => number> = {
      F16: (value, view, offset) => (view.setUint16(offset, halfBits(value), true), 2),
      BF16: (value, view, offset) => {
        const bits = new DataView(new ArrayBuffer(4));
        bits.setFloat32(0, value);
        view.setUint16(offset, bits.getUint16(0), true);
        return 2;
      },
      F64: (value, view, offset) => (view.setFloat64(offset, value, true), 8),
    };
    for (const [dtype, put] of Object.entries(formats)) {
      const width = put(0, new DataView(new ArrayBuffer(8)), 0);
      const header: Record<string, object> = {};
      const data: Uint8Array[] = [];
      let position = 0;
      for (const source of (await sourcesOf(model)).values()) {
        const { name, shape } = source;
        const values = await source.read();
        const bytes = new Uint8Array(values.length * width);
        values.forEach((value, i) => put(value, new DataView(bytes.buffer), i * width));
        header[name] = { dtype, shape, data_offsets: [position, (position += bytes.length)] };
        data.push(bytes);
      }
      const json = new TextEncoder().encode(JSON.stringify(header));
      const prefix = new Uint8Array(8);
      new DataView(prefix.buffer).setUint32(0, json.length, true);
      const file = (await collect([{ name: "x", chunks: [prefix, json, ...data] }])).x;
      const loaded = await folderWith({ "config.json": await config(model), "model.safetensors": file });
      expect(weights(loaded), dtype).toEqual(weights(model));
    }
  });

  /** The binary16 bits of a number that has a normal one, or of 0. */
  function halfBits(value: number): number {
    if (value === 0) return 0;
    const exponent = Math.floor(Math.log2(Math.abs(value)));
    const fraction = (Math.abs(value) / 2 ** exponent - 1) * 1024;
    return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
  }
});

describe("reads as transformers v5.18.0 does", () => {
  async function load(
    changes: object,
    tensors: (sources: Map<string, TensorSource>) => void = () => {},
    files: Files = {},
  ): Promise<{ model: GPT; original: GPT; notes: string[] }> {
    const original = new GPT(tiny, { seed: 7 });
    const written = await collect(modelFiles(original));
    const config = JSON.parse(new TextDecoder().decode(written["config.json"])) as object;
    const sources = await sourcesOf(original);
    tensors(sources);
    const notes: string[] = [];
    const folder = memoryFolder(
      {
        "config.json": JSON.stringify({ ...config, ...changes }),
        "model.safetensors": await tensorsOf(sources.values()),
        ...files,
      },
      "model",
    );
    const model = await loadModelFrom(folder, { onNote: (note) => notes.push(note) });
    return { model, original, notes };
  }
  const ones = (name: string, shape: number[]): TensorSource => ({
    name,
    shape,
    read: () => Promise.resolve(new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(1)),
  });

  test("a head of its own", async () => {
    const { model } = await load({ tie_word_embeddings: false }, (sources) =>
      sources.set("lm_head.weight", ones("lm_head.weight", [13, 8])),
    );
    expect((model.head?.weight as Tensor).dataSync()).toEqual(new Float32Array(104).fill(1));
  });

  test("a tied head that is stored in the embedding's place", async () => {
    const { model, original } = await load({}, (sources) => {
      const embedding = sources.get("wte.weight") as TensorSource;
      sources.delete("wte.weight");
      sources.set("lm_head.weight", { ...embedding, name: "lm_head.weight" });
    });
    expect(weights(model)).toEqual(weights(original));
  });

  test("heads of other tasks and what lies beside, with a note", async () => {
    const { model, original, notes } = await load({ architectures: ["GPT2LMHeadModel"] }, (sources) => {
      for (const name of ["v_head.summary.weight", "score.weight", "transformer.position_ids"]) {
        sources.set(name, ones(name, [1, 8]));
      }
      sources.set("h.0.attn.bias", ones("h.0.attn.bias", [1, 1, 8, 8]));
    });
    expect(weights(model)).toEqual(weights(original));
    expect(notes).toEqual([
      'model: tensors beside the language model are ignored: "position_ids", "score.weight", "v_head.summary.weight"',
    ]);
  });

  test("generation_config.json, or else what config.json says of it", async () => {
    const legacy = { do_sample: true, temperature: 0.5, top_k: 7, eos_token_id: [4, 5], bos_token_id: 6 };
    expect((await load(legacy)).model.generation).toEqual({
      temperature: 0.5, topK: 7, stopTokens: [4, 5], startToken: 6,
    });
    const own = { "generation_config.json": '{"eos_token_id": 3}' };
    expect((await load(legacy, undefined, own)).model.generation).toEqual({ stopTokens: [3] });
    await expect(load({}, undefined, { "generation_config.json": "{" })).rejects.toMatchObject({
      code: "invalid-file",
      message: expect.stringContaining("model/generation_config.json: ") as string,
    });
  });

  test("and what it read of generation is saved again, in both files", async () => {
    const { model } = await load({}, undefined, {
      "generation_config.json": JSON.stringify({ eos_token_id: 3, bos_token_id: 2, do_sample: true, num_beams: 4 }),
    });
    const files = await collect(modelFiles(model));
    expect(Object.keys(files)).toEqual(["model.safetensors", "generation_config.json", "config.json"]);
    const parse = (name: string): unknown => JSON.parse(new TextDecoder().decode(files[name]));
    expect(parse("generation_config.json")).toEqual({
      eos_token_id: 3, bos_token_id: 2, do_sample: true, temperature: 1, top_k: 50, num_beams: 4,
    });
    expect(parse("config.json")).toMatchObject({ eos_token_id: 3, bos_token_id: 2 });
    expect((await loadModelFrom(memoryFolder(files))).generation).toEqual(model.generation);
  });
});

describe("refuses, in one clear error,", () => {
  async function parts(changes: object = {}): Promise<{ config: string; sources: Map<string, TensorSource> }> {
    const model = new GPT({ ...tiny, ...changes }, { seed: 7 });
    const config = new TextDecoder().decode((await collect(modelFiles(model)))["config.json"]);
    const sources = await sourcesOf(model);
    model.dispose();
    return { config, sources };
  }
  const zeros = (name: string, shape: number[]): TensorSource => ({
    name,
    shape,
    read: () => Promise.resolve(new Float32Array(shape.reduce((product, size) => product * size, 1))),
  });

  test("a folder without config.json, or without weights", async () => {
    const { config } = await parts();
    await expectRefusal({}, "missing-file", "model is no model folder: it has no config.json");
    await expectRefusal(
      { "config.json": config },
      "missing-file",
      "model has no weights: neither model.safetensors nor model.safetensors.index.json",
    );
  });

  test("weights in other forms, and says how to convert them", async () => {
    const { config } = await parts();
    for (const name of ["pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"]) {
      await expectRefusal(
        { "config.json": config, [name]: "" },
        "unsupported-model",
        `model has its weights in ${name}, which is not read; convert it to model.safetensors with Hugging Face's tools: `,
      );
    }
  });

  test("values that are no finite numbers, with the tensor's name", async () => {
    const { config, sources } = await parts();
    for (const value of [NaN, Infinity, -Infinity]) {
      const source = zeros("h.1.ln_1.bias", [8]);
      const values = new Float32Array(8).with(5, value);
      const weights = await tensorsOf([...sources.values()].map((other) =>
        other.name === source.name ? { ...source, read: () => Promise.resolve(values) } : other,
      ));
      await expectRefusal(
        { "config.json": config, "model.safetensors": weights },
        "invalid-file",
        `model/model.safetensors: tensor "h.1.ln_1.bias" holds ${value}, as element 5; the file is damaged`,
      );
    }
  });

  test("adapters and further layers, which would change what is computed", async () => {
    const { config, sources } = await parts();
    for (const name of ["h.0.attn.c_attn.lora_A.weight", "h.2.ln_1.weight", "lm_head.bias", "wte.weight_scale"]) {
      const weights = await tensorsOf([...sources.values(), zeros(name, [8])]);
      await expectRefusal(
        { "config.json": config, "model.safetensors": weights },
        "missing-tensor",
        `the weights do not fit config.json; unexpected: "${name}"`,
      );
    }
  });

  test("an adapter in a file beside the model, with or without a model", async () => {
    const { config, sources } = await parts();
    const adapter = { "adapter_config.json": '{"peft_type": "LORA"}' };
    const problem = "model/adapter_config.json declares an adapter, which is not supported; save the merged model";
    const files = { "config.json": config, "model.safetensors": await tensorsOf(sources.values()) };
    await expectRefusal({ ...files, ...adapter }, "unsupported-model", problem);
    await expectRefusal(adapter, "unsupported-model", problem);
  });

  test("tensors that are missing, unexpected or of the wrong shape, all at once", async () => {
    const { config, sources } = await parts();
    sources.delete("h.0.ln_1.weight");
    sources.delete("wpe.weight");
    sources.set("h.0.ln_1.gamma", zeros("h.0.ln_1.gamma", [8]));
    sources.set("h.1.attn.c_attn.weight", zeros("h.1.attn.c_attn.weight", [24, 8]));
    await expectRefusal(
      { "config.json": config, "model.safetensors": await tensorsOf(sources.values()) },
      "missing-tensor",
      "model: the weights do not fit config.json; missing: wpe.weight, h.0.ln_1.weight; " +
        'unexpected: "h.0.ln_1.gamma"; wrong shape: h.1.attn.c_attn.weight is [24, 8], expected [8, 24]',
    );
  });

  test("a long list of them is cut", async () => {
    const { config, sources } = await parts();
    const others = Array.from({ length: 8 }, (_, i) => zeros(`h.0.other${i}`, [1]));
    const weights = await tensorsOf([...sources.values(), ...others]);
    await expectRefusal(
      { "config.json": config, "model.safetensors": weights },
      "missing-tensor",
      '"h.0.other4", and 3 more',
    );
  });

  test("an untied head that is missing, and a tied one that differs", async () => {
    const { config, sources } = await parts();
    const untied = config.replace('"tie_word_embeddings": true', '"tie_word_embeddings": false');
    const weights = await tensorsOf(sources.values());
    await expectRefusal(
      { "config.json": untied, "model.safetensors": weights },
      "missing-tensor",
      "missing: lm_head.weight",
    );
    const two = await tensorsOf([...sources.values(), zeros("lm_head.weight", [13, 8])]);
    await expectRefusal(
      { "config.json": config, "model.safetensors": two },
      "invalid-file",
      "model: lm_head.weight differs from wte.weight, to which config.json ties it; set tie_word_embeddings to false to use it, or save the model again",
    );
    const other = await tensorsOf([...sources.values(), zeros("lm_head.weight", [1])]);
    await expectRefusal(
      { "config.json": config, "model.safetensors": other },
      "invalid-file",
      "lm_head.weight differs",
    );
  });

  test("one tensor under two names", async () => {
    const { config, sources } = await parts();
    const weights = await tensorsOf([...sources.values(), zeros("transformer.wte.weight", [13, 8])]);
    await expectRefusal(
      { "config.json": config, "model.safetensors": weights },
      "invalid-file",
      'model: there are two tensors "wte.weight"',
    );
  });

  test("integers for weights, after which the model is freed", async () => {
    const { config, sources } = await parts();
    const bytes = await tensorsOf(sources.values());
    const before = '"wte.weight":{"dtype":"';
    const at = Buffer.from(bytes.buffer).indexOf(before) + before.length;
    bytes[at] = "I".charCodeAt(0);
    await expectRefusal(
      { "config.json": config, "model.safetensors": bytes },
      "unsupported-dtype",
      'tensor "wte.weight" has dtype I32; weights are read from F32, F16, BF16 and F64',
    );
  });

  test("sizes that the weights do not have, before anything is allocated", async () => {
    const { config, sources } = await parts();
    const weights = await tensorsOf(sources.values());
    const peak = backend.memory.peakBytes;
    const replaced = (field: string, value: number): string =>
      config.replace(new RegExp(`"${field}": \\d+`), `"${field}": ${value}`);
    for (const [field, size, problem] of [
      ["n_layer", 1e9, "config.json asks for 12000000004 tensors, there are 28"],
      ["vocab_size", 1e9, "wte.weight is [13, 8], expected [1000000000, 8]"],
      ["n_embd", 1e5, "wte.weight is [13, 8], expected [13, 100000]"],
      ["n_inner", 1e9, "h.0.mlp.c_fc.weight is [8, 12], expected [8, 1000000000]"],
    ] as const) {
      const files = { "config.json": replaced(field, size), "model.safetensors": weights };
      await expectRefusal(files, "missing-tensor", problem);
    }
    for (const [field, code, problem] of [
      ["n_layer", "invalid-file", "config.json: model configuration: layers must be a whole number from 1 to 2147483647, not 1000000000000"],
      ["n_positions", "invalid-file", "contextLength must be a whole number from 1 to 2147483647, not 1000000000000"],
    ]) {
      await expectRefusal({ "config.json": replaced(field, 1e12), "model.safetensors": weights }, code, problem);
    }
    expect(backend.memory.peakBytes).toBe(peak);
  });

  test("files larger than any real one, unread", async () => {
    const large = new Uint8Array(2 ** 22 + 1).fill(0x20);
    await expectRefusal(
      { "config.json": large },
      "invalid-file",
      "model/config.json has 4194305 bytes, more than the limit",
    );
  });

  test("a weight file that is cut off anywhere", async () => {
    const { config, sources } = await parts({ layers: 1 });
    const weights = await tensorsOf(sources.values());
    for (let length = 0; length < weights.length; length += 97) {
      const files = { "config.json": config, "model.safetensors": weights.slice(0, length) };
      await expectRefusal(files, "invalid-file", "model/model.safetensors: ");
    }
  });
});

test(`of ${fuzzCount / 10} folders with a mutated file none does more harm than an error`, async () => {
  const model = new GPT({ ...tiny, layers: 1 });
  const files = await collect(modelFiles(model));
  model.dispose();
  const length = 8 + Number(new DataView(files["model.safetensors"].buffer).getBigUint64(0, true));
  const head = files["model.safetensors"].slice(0, length);
  const values = files["model.safetensors"].slice(length);
  let loaded = 0;
  for (const input of mutations([head, files["config.json"]], fuzzCount / 10, 5)) {
    for (const [name, content] of [["config.json", input], ["model.safetensors", joined([input, values])]] as const) {
      try {
        (await folderWith({ ...files, [name]: content })).dispose();
        loaded++;
      } catch (error) {
        if (!isGptError(error)) throw error;
        expect(error.message).toMatch(/^model[:/ ][^\p{Cc}\p{Bidi_Control}]{1,2000}$/u);
      }
    }
  }
  expect(loaded).toBeGreaterThan(fuzzCount / 500);
  expect(backend.memory.liveBuffers).toBe(0);
  expect(backend.memory.peakBytes).toBeLessThan(10_000);
});

describe("shards", () => {
  async function sharded(): Promise<Files> {
    return collect(modelFiles(new GPT(tiny), { maxShardBytes: 2000 }));
  }
  const withIndex = (files: Files, change: (map: Record<string, string>) => unknown): Files => {
    const index = JSON.parse(new TextDecoder().decode(files["model.safetensors.index.json"] as Uint8Array)) as {
      weight_map: Record<string, string>;
    };
    change(index.weight_map);
    return { ...files, "model.safetensors.index.json": JSON.stringify(index) };
  };

  test.each(["../secret", "/etc/passwd", "a\\b", "C:x", "..", ".", ""])("elsewhere are refused: %j", async (shard) => {
    const files = withIndex(await sharded(), (map) => (map["wte.weight"] = shard));
    await expectRefusal(files, "invalid-file", `the shard ${JSON.stringify(shard)} is not a plain file name`);
  });

  test("that are missing are named", async () => {
    const files = await sharded();
    const [first] = Object.keys(files);
    delete files[first];
    await expectRefusal(files, "missing-file", `model lacks "${first}", which model.safetensors.index.json names`);
  });

  test("that lack a tensor are named", async () => {
    const files = withIndex(await sharded(), (map) => (map.other = map["wte.weight"]));
    await expectRefusal(
      files,
      "invalid-file",
      'lacks the tensor "other", which model.safetensors.index.json finds there',
    );
  });

  test("are read whole, also what the index does not name", async () => {
    const files = withIndex(await sharded(), (map) => delete map["wpe.weight"]);
    (await folderWith(files)).dispose();
    const shard = (map: Record<string, string>): void => {
      const first = map["wpe.weight"];
      for (const [name, file] of Object.entries(map)) if (file === first) delete map[name];
    };
    await expectRefusal(withIndex(await sharded(), shard), "missing-tensor", "the weights do not fit config.json; missing: ");
  });

  test("with an index that is none are refused", async () => {
    const files = await sharded();
    await expectRefusal(
      { ...files, "model.safetensors.index.json": "{}" },
      "invalid-file",
      "the index has no weight_map",
    );
    const list = '{"weight_map":["a"]}';
    await expectRefusal(
      { ...files, "model.safetensors.index.json": list },
      "invalid-file",
      "expected an object, at byte 14",
    );
  });

  test(`of ${fuzzCount} mutated indices only those with plain names are accepted`, async () => {
    const files = await sharded();
    const corpus = [
      files["model.safetensors.index.json"] as Uint8Array,
      new TextEncoder().encode('{"weight_map":{"a":"x","b":"y","c":"x"},"metadata":{"total_size":3}}'),
      new TextEncoder().encode('{"metadata":[],"weight_map":{"é":"model-00000-of-00001.safetensors"}}'),
    ];
    let accepted = 0;
    for (const input of mutations(corpus, fuzzCount, 4)) {
      try {
        for (const [shard, tensors] of parseIndex(input, "x")) {
          if (/[/\\:]/.test(shard) || tensors.length === 0) throw new Error(`accepted ${shard}`);
        }
        accepted++;
      } catch (error) {
        if (!(isGptError(error) && error.code === "invalid-file")) throw error;
        expect(error.message).toMatch(/^x: [^\p{Cc}\p{Bidi_Control}]{1,2000}$/u);
      }
    }
    expect(accepted).toBeGreaterThan(fuzzCount / 20);
  });
});

test("a model that gpt2 cannot express is not written as one", () => {
  const model = new GPT({ ...tiny, positions: "sinusoidal" });
  expect(() => modelFiles(model, { modelType: "gpt2" })).toThrow(
    "a gpt2 folder cannot hold this model: it has sinusoidal positions",
  );
  expect(() => modelFiles(model, { maxShardBytes: 0 })).toThrow("maxShardBytes must be a number above 0, not 0");
});

test("a loaded model is in evaluation mode", async () => {
  const files = await collect(modelFiles(new GPT({ ...tiny, dropout: 0.5, attentionDropout: 0.5 })));
  const loaded = await loadModelFrom(memoryFolder(files));
  expect(loaded.training).toBe(false);
  expect(logits(loaded)).toEqual(logits(loaded));
});

test("weights go one by one: no more than the model and one tensor is alive", async () => {
  const model = new GPT(tiny);
  const files = await collect(modelFiles(model));
  const bytes = backend.memory.liveBytes;
  const other = await cpu();
  const loaded = await loadModelFrom(memoryFolder(files), { backend: other });
  expect(loaded.tokenEmbedding.weight.backend).toBe(other);
  expect(other.memory.peakBytes).toBe(bytes);
});

test("transposes any matrix", () => {
  for (const [rows, columns] of [
    [1, 1],
    [3, 100],
    [33, 65],
    [64, 32],
  ]) {
    const values = Float32Array.from({ length: rows * columns }, (_, i) => i);
    const result = transpose(values, rows, columns);
    for (let i = 0; i < values.length; i++) {
      expect(result[(i % columns) * rows + Math.floor(i / columns)]).toBe(i);
    }
  }
});
