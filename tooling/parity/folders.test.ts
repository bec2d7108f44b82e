import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel, saveModel } from "@gpt/gpt/node";
import { cpu } from "@gpt/tensor/cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agreement } from "./agreement.ts";
import { fixtureNames, fixturePath, readJson } from "./fixtures.ts";
import { logitsOf } from "./folders.ts";
import type { FolderFixture } from "./folders.ts";
import { buildModel, readModelFixture } from "./model-fixture.ts";
import { findPython, logitsInPython } from "./python.ts";
import { runOn } from "./run-on.ts";

/** Folders in the forms of models' makers, which have no `model_type`, and as what they are saved. */
const releases: Readonly<Record<string, string>> = { "gpt1-release": "openai-gpt", "gpt-oss-original": "gpt_oss" };

/** What the `config.json` of a folder says, or will say. */
function configOf(name: string): { readonly model_type: string } {
  return Object.hasOwn(releases, name) ? { model_type: releases[name] } : readJson("folders", name, "config.json");
}

describe("a folder written here", () => {
  const agreement = new Agreement("folders in Python");
  const python = findPython();
  const noPython = "skipped: there is no python3 with PyTorch here; GPT_PYTHON names one elsewhere";
  let directory: string;
  runOn(() => cpu());
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "gpt-parity-"));
  });
  afterAll(async () => {
    agreement.report();
    await rm(directory, { recursive: true });
  });

  const forms = [
    ["gpt2", "one file", Infinity],
    ["untied", "shards", 6_000],
  ] as const;

  test.for(forms)("%s in %s: gives the same logits in Python", { timeout: 120_000 }, async (written, { skip }) => {
    if (!python) {
      console.warn(noPython);
      return skip(noPython);
    }
    const [name, , maxShardBytes] = written;
    const fixture = readModelFixture(name);
    const folder = join(directory, name);
    const model = buildModel(fixture, "trained");
    await saveModel(model, folder, { maxShardBytes });
    const ours = await logitsOf(model, fixture.ids);
    model.dispose();
    expect((await readdir(folder)).includes("model.safetensors.index.json")).toBe(maxShardBytes < Infinity);
    const [theirs] = await logitsInPython(python, [folder], fixture.ids);
    agreement.expect("logits", name, ours, theirs.flat(2));
  });

  test("every other kind, as it was read: gives the same logits in Python", { timeout: 120_000 }, async ({ skip }) => {
    if (!python) return skip(noPython);
    const found = fixtureNames("folders").map((name) => ({
      name, ...readJson<FolderFixture>("folders", `${name}.json`), config: configOf(name),
    }));
    const others = found.filter(({ config }) => config.model_type !== "gpt2");
    expect(others.length).toBeGreaterThan(5);
    const folders: string[] = [];
    for (const { name, config } of others) {
      const model = await loadModel(fixturePath("folders", name));
      const folder = join(directory, name);
      await saveModel(model, folder, { maxShardBytes: 10_000 });
      model.dispose();
      const written = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as object;
      const { model_type, quantization_config } = config as Record<string, unknown>;
      expect(written).toMatchObject({ model_type, ...(quantization_config ? { quantization_config: { quant_method: "mxfp4" } } : {}) });
      folders.push(folder);
    }
    const [{ ids }] = others;
    const theirs = await logitsInPython(python, folders, ids);
    others.forEach(({ name, ids: own, logits }, i) => {
      expect(own).toEqual(ids);
      agreement.expect("logits", name, theirs[i].flat(2), logits.flat(2));
    });
  });
});
