import { readShardIndex } from "@gpt/formats";
import { beforeEach, describe, expect, test } from "vitest";
import { isGptError, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { GPT } from "../model.ts";
import { collect } from "@gpt/testing/memory-folder";
import { tiny } from "../../test/fixtures.ts";
import { mutations } from "@gpt/testing/mutate";
import { modelFiles } from "./save.ts";
import { expectRefusal, folderWith } from "../../test/folders.ts";
import type { Files } from "../../test/folders.ts";
import { architectures as known } from "../architectures/index.ts";

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 3_000;

beforeEach(async () => {
  useBackend(await cpu());
});

describe("shards", () => {
  async function sharded(): Promise<Files> {
    return collect(modelFiles(new GPT(tiny), known, { maxShardBytes: 2000 }));
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
        for (const [shard, tensors] of readShardIndex(input, "x")) {
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
