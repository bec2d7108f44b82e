import { beforeEach, describe, expect, test } from "vitest";
import { useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { GPT } from "../model.ts";
import type { TensorSource } from "@gpt/formats";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { tiny } from "../../test/fixtures.ts";
import { loadModelFrom } from "./load.ts";
import { modelFiles } from "./save.ts";
import { folderWith, sourcesOf, tensorsOf, weights } from "../../test/folders.ts";
import type { Files } from "../../test/folders.ts";
import { architectures as known } from "../architectures/index.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

describe("reads folders of others", () => {
  const config = async (model: GPT): Promise<Uint8Array> => (await collect(modelFiles(model, known)))["config.json"];

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
        const { name, shape, values } = source;
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
    const written = await collect(modelFiles(original, known));
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
    const model = await loadModelFrom(folder, known, { onNote: (note) => notes.push(note) });
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
    const files = await collect(modelFiles(model, known));
    expect(Object.keys(files)).toEqual(["model.safetensors", "generation_config.json", "config.json"]);
    const parse = (name: string): unknown => JSON.parse(new TextDecoder().decode(files[name]));
    expect(parse("generation_config.json")).toEqual({
      eos_token_id: 3, bos_token_id: 2, do_sample: true, temperature: 1, top_k: 50, num_beams: 4,
    });
    expect(parse("config.json")).toMatchObject({ eos_token_id: 3, bos_token_id: 2 });
    expect((await loadModelFrom(memoryFolder(files), known)).generation).toEqual(model.generation);
  });
});
