import { beforeEach, describe, expect, test } from "vitest";
import { isGptError, useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { GPT } from "../model.ts";
import type { TensorSource } from "@gpt/formats";
import { collect, joined } from "@gpt/testing/memory-folder";
import { mutations } from "@gpt/testing/mutate";
import { tiny } from "../../test/fixtures.ts";
import { modelFiles } from "./save.ts";
import { expectRefusal, folderWith, sourcesOf, tensorsOf } from "../../test/folders.ts";
import { architectures as known } from "../architectures/index.ts";

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 300;

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

describe("refuses, in one clear error,", () => {
  async function parts(changes: object = {}): Promise<{ config: string; sources: Map<string, TensorSource> }> {
    const model = new GPT({ ...tiny, ...changes }, { seed: 7 });
    const config = new TextDecoder().decode((await collect(modelFiles(model, known)))["config.json"]);
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
    const problem = "model/adapter_config.json declares an adapter, which is no model; load the model that it was made for";
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
      ["n_layer", 1000, "missing: h.2.ln_1.weight, h.2.ln_1.bias, h.2.attn.c_attn.weight, h.2.attn.c_attn.bias, h.2.attn.c_proj.weight, and "],
      ["vocab_size", 1e9, "wte.weight is [13, 8], expected [1000000000, 8]"],
      ["n_embd", 1e5, "wte.weight is [13, 8], expected [13, 100000]"],
      ["n_inner", 1e9, "h.0.mlp.c_fc.weight is [8, 12], expected [8, 1000000000]"],
    ] as const) {
      const files = { "config.json": replaced(field, size), "model.safetensors": weights };
      await expectRefusal(files, "missing-tensor", problem);
    }
    for (const [field, code, problem] of [
      ["n_layer", "invalid-file", "config.json: model configuration: layers must be a whole number from 1 to 1024, not 1000000000000"],
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

test(`of ${fuzzCount} folders with a mutated file none does more harm than an error`, { timeout: 600_000 }, async () => {
  const model = new GPT({ ...tiny, layers: 1 });
  const files = await collect(modelFiles(model, known));
  model.dispose();
  const length = 8 + Number(new DataView(files["model.safetensors"].buffer).getBigUint64(0, true));
  const head = files["model.safetensors"].slice(0, length);
  const values = files["model.safetensors"].slice(length);
  let loaded = 0;
  for (const input of mutations([head, files["config.json"]], fuzzCount, 5)) {
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
  expect(loaded).toBeGreaterThan(fuzzCount / 50);
  expect(backend.memory.liveBuffers).toBe(0);
  expect(backend.memory.peakBytes).toBeLessThan(10_000);
});
