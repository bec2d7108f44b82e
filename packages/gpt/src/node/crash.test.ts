import { CrashDisk, crashesOf, filesIn } from "@gpt/testing/crash-disk";
import { memoryFolder } from "@gpt/testing/memory-folder";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { beforeAll, expect, test } from "vitest";
import { loadModelFrom } from "../folder/load.ts";
import { GPT } from "../model.ts";
import { tiny } from "../../test/fixtures.ts";
import { saveModel } from "./model-folder.ts";
import { architectures as known } from "../architectures/index.ts";

beforeAll(async () => {
  useBackend(await cpu());
});

test("after a crash while another model is saved, the old one, the new one, or none loads", async () => {
  const small = { ...tiny, layers: 1, dim: 4, hiddenDim: 4 };
  const [old, changed] = [new GPT(small, { seed: 1 }), new GPT({ ...small, tiedHead: false }, { seed: 2 })];
  const before = new CrashDisk();
  await saveModel(old, "/m", { operations: before, maxShardBytes: 500 });
  const states = await crashesOf(before.tree(), (operations) => saveModel(changed, "/m", { operations }));
  const found = new Set<string>();
  for (const state of states) {
    const loaded = await loadModelFrom(memoryFolder(filesIn(state, "/m"), "/m"), known).catch((error: unknown) => error);
    if (loaded instanceof GPT) {
      const isOld = loaded.config.head.type === "tied";
      const original = isOld ? old : changed;
      expect(loaded.parameters().map((p) => p.dataSync())).toEqual(original.parameters().map((p) => p.dataSync()));
      found.add(isOld ? "old" : "new");
      loaded.dispose();
    } else {
      expect(loaded).toMatchObject({ code: "missing-file", message: "/m is no model folder: it has no config.json" });
      found.add("none");
    }
  }
  expect(found).toEqual(new Set(["old", "none", "new"]));
});
