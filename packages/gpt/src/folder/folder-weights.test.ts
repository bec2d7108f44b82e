import { safetensorsChunks } from "@gpt/formats";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { decodeParts, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { beforeEach, expect, test } from "vitest";
import type { TensorNames } from "../architectures/architecture.ts";
import type { Layout } from "../layout.ts";
import { matrixShape } from "../layout.ts";
import { GPT } from "../model.ts";
import { ModelWeights } from "../model-weights.ts";
import { slotsOf } from "../slots.ts";
import type { Slot } from "../slots.ts";
import { loadWeights } from "../weight-source.ts";
import type { RowRange } from "../weight-source.ts";
import { compositions } from "../../test/fixtures.ts";
import { tensorsOfModel, weights } from "../../test/folders.ts";
import { FolderWeights } from "./folder-weights.ts";
import { partsByTensor, tensorBytes } from "./tensor-bytes.ts";
import { WeightFiles } from "./weight-files.ts";

beforeEach(async () => {
  useBackend(await cpu());
});

const config = compositions["blocks that differ"];

/** Names with every form of layout: parts apart, parts in one tensor, rows that alternate, matrices that are turned. */
const names: TensorNames = {
  layoutOf({ path }): Layout {
    const [, layer, part] = /^blocks\.(\d)\.(.*)$/.exec(path) ?? [];
    if (path === "tokenEmbedding.weight") return { of: { tensor: "we" }, first: 0, total: 13 + 8 };
    if (path === "positionEmbedding.weight") return { of: { tensor: "we" }, first: 13, total: 13 + 8 };
    const { heads, kvHeads, headDim } = config.blocks[Number(layer ?? 0)].attention;
    const groups = { q: heads * headDim, k: kvHeads * headDim, v: kvHeads * headDim };
    if (part === "attention.qkv.weight" || part === "attention.qkv.bias") {
      const kind = part.slice("attention.qkv.".length);
      return { rows: Object.entries(groups).map(([name, count]) => ({ count, of: { tensor: `${layer}.${name}.${kind}` } })) };
    }
    if (part === "mlp.up.weight") return { of: { of: { tensor: path }, transposed: true }, interleaved: 2, group: 12 };
    if (part === "mlp.down.weight") return { of: { tensor: path }, interleaved: 2, group: 4 };
    if (part === "attention.projection.weight") return { of: { tensor: path, shape: [heads * headDim, 2, 4] }, transposed: true };
    return { tensor: path };
  },
  plainName: (name) => name,
  treatmentOf: () => "refused",
};

async function sourceOf(model: GPT): Promise<FolderWeights> {
  const files = await collect([{ name: "model.safetensors", chunks: safetensorsChunks(await tensorsOfModel(model, names)) }]);
  return new FolderWeights("folder", await WeightFiles.open(memoryFolder(files)), names, () => {});
}

test("every form of layout is written, and read as it was", async () => {
  const model = new GPT(config, { seed: 1 });
  const tensors = new Map((await tensorsOfModel(model, names)).map((tensor) => [tensor.name, tensor]));
  expect(tensors.get("we")?.shape).toEqual([21, 8]);
  expect(tensors.get("0.q.weight")?.shape).toEqual([12, 8]);
  expect(tensors.get("0.k.bias")?.shape).toEqual([6]);
  expect(tensors.get("blocks.0.mlp.up.weight")?.shape).toEqual([8, 12]);
  expect(tensors.get("blocks.1.attention.projection.weight")?.shape).toEqual([8, 2, 4]);
  // Row 1 of the weight is row 2 of the turned file: that of inputs, outputs.
  const up = tensors.get("blocks.0.mlp.up.weight")?.values;
  const own = weights(model)["blocks.0.mlp.up.weight"];
  expect([0, 1, 2, 6, 7].map((row) => own[row * 8 + 3])).toEqual([0, 2, 4, 1, 3].map((column) => up?.[3 * 12 + column]));

  const loaded = new GPT(config, { weights: "zeros" });
  const source = await sourceOf(model);
  await loadWeights(loaded, source);
  expect(weights(loaded)).toEqual(weights(model));
});

test("tensors are written by pieces of any size", async () => {
  const model = new GPT(config, { seed: 1 });
  const own = new ModelWeights(model);
  const rowBytes = async (slot: Slot, rows: RowRange): Promise<Uint8Array> => new Uint8Array(decodeParts(await own.read(slot, rows)).slice().buffer);
  const whole = new Map((await tensorsOfModel(model, names)).map(({ name, values }) => [name, values]));
  for (const [name, parts] of partsByTensor(slotsOf(model), names)) {
    const [, columns] = matrixShape(parts[0].slot);
    if (columns > 1 && parts[0].run.strides[1] !== 1) continue; // Turned.
    for (const maxElements of [1, 3 * columns, Infinity]) {
      const bytes: number[] = [];
      for await (const piece of tensorBytes(parts, 4 * columns, rowBytes, maxElements)) bytes.push(...piece);
      expect(new Float32Array(Uint8Array.from(bytes).buffer), `${name} by ${maxElements}`).toEqual(whole.get(name));
    }
  }
});

test("any rows are read, as streaming will", async () => {
  const model = new GPT(config, { seed: 1 });
  const source = await sourceOf(model);
  const slots = [...slotsOf(model)];
  await source.check(slots);
  for (const slot of slots) {
    const [rows, columns] = matrixShape(slot);
    for (const [start, count] of [[0, 1], [rows - 1, 1], [Math.floor(rows / 3), Math.ceil(rows / 2)]]) {
      const parts = await source.read(slot, { start, count });
      const expected = weights(model)[slot.path].slice(start * columns, (start + count) * columns);
      expect(parts).toEqual({ dtype: "f32", rows: count, columns, values: expected, scales: null });
    }
  }
});
