import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { repository, run } from "@gpt/testing/commands";
import { expect, test } from "vitest";
import { libraryProject } from "./fresh-project.ts";

test("kernels whose WGSL went through the build compute what their sources do", async () => {
  const webgpu = await realpath(join(repository, "packages/tensor/node_modules/webgpu"));
  const files = { "main.js": { copy: "kernels-on-gpu.js" }, "node_modules/webgpu": { link: webgpu } };
  const project = await libraryProject(files);
  // One case compiles most of what a kernel has; the suite in full runs on the sources.
  const { kernels, problems } = JSON.parse(await run(process.execPath, ["main.js", "1"], project)) as Record<string, string[]>;
  expect(problems).toEqual([]);
  expect(kernels).toEqual(expect.arrayContaining(["attentionGradient", "groupedLinear", "topK"]));
});
