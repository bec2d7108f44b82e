import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commit, Hub } from "@gpt/testing/hub";
import { readmeExamples, runExample } from "@gpt/testing/readme";
import { expect, onTestFinished, test } from "vitest";

const packageFolder = join(import.meta.dirname, "..");

test("the README's example of the hub brings a model into the cache", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gpt-formats-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const hub = await Hub.start({ "openai-community/gpt2": { "config.json": "{}", "model.safetensors": "x" } });
  onTestFinished(() => hub.close());
  const [, example] = await readmeExamples(packageFolder);
  const env = { ...process.env, HF_HUB_OFFLINE: "0", HF_ENDPOINT: hub.url, HF_HOME: join(folder, "hf") };
  const [snapshot] = (await runExample(example, packageFolder, folder, env)).split("\n");
  expect(snapshot).toBe(join(folder, "hf/hub/models--openai-community--gpt2/snapshots", commit));
  expect((await readdir(snapshot)).sort()).toEqual(["config.json", "model.safetensors"]);
});

test("the README's example prints what it says", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gpt-formats-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [example] = await readmeExamples(packageFolder);
  expect(await runExample(example, packageFolder, folder)).toBe(
    "Float32Array(6) [ 1, 2, 3, 4, 5, 6 ]\n",
  );
});
