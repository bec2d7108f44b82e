import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { repository, run } from "@gpt/testing/commands";
import { expect, test } from "vitest";
import { freshProject, libraries } from "./fresh-project.ts";

test("kernels whose WGSL went through the build compute what their sources do", async () => {
  const project = await freshProject(libraries, { "main.js": { copy: "kernels-on-gpu.js" } });
  const webgpu = await realpath(join(repository, "packages/tensor/node_modules/webgpu"));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", webgpu], project);
  // One case compiles most of what a kernel has; the suite in full runs on the sources.
  const { kernels, problems } = JSON.parse(await run(process.execPath, ["main.js", "1"], project)) as Record<string, string[]>;
  expect(problems).toEqual([]);
  expect(kernels).toEqual(expect.arrayContaining(["attentionGradient", "groupedLinear", "topK"]));
});
