import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { repository, run } from "@gpt/config/commands";
import { gpuEnvironment } from "@gpt/config/gpu";
import { expect, test } from "vitest";
import { command, freshProject, libraries } from "./fresh-project.ts";

test("the installed command answers, trains and writes", async () => {
  const project = await freshProject([command, ...libraries], { "text.txt": "the cat sat on the mat. ".repeat(40) });
  const gpt = (...args: string[]): Promise<string> => run("npm", ["exec", "--", "gpt", ...args], project);

  expect(await gpt("--help")).toContain("Usage: gpt");
  expect(JSON.parse(await gpt("info", "--preset", "gpt2", "--json"))).toMatchObject({ parameters: 124_439_808 });

  const size = ["--layers", "1", "--heads", "2", "--dim", "16", "--context", "16", "--batch", "2"];
  const lines = (await gpt("train", "--data", "text.txt", "--out", "run", ...size, "--steps", "4", "--json")).trim().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ done: true, step: 4 });
  const written: unknown = JSON.parse(await gpt("generate", "--model", "run", "--prompt", "the", "--max-tokens", "5", "--json"));
  expect(written).toMatchObject({ promptTokens: 3, tokens: { length: 5 } });
});

test("the installed command computes on a GPU once the package webgpu is beside it", async () => {
  const project = await freshProject([command, ...libraries]);
  const env = await gpuEnvironment();
  const bench = (): Promise<string> =>
    run("npm", ["exec", "--", "gpt", "bench", "matmul", "--size", "8", "--seconds", "0", "--backend", "webgpu", "--json"], project, env);
  await expect(bench()).rejects.toThrow(/status 1 .*\nerror: --backend webgpu needs the npm package `webgpu` .*`npm install webgpu`/);

  // The one that the tests of @gpt/tensor use, so that nothing is downloaded.
  const webgpu = await realpath(join(repository, "packages/tensor/node_modules/webgpu"));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", webgpu], project);
  expect(JSON.parse(await bench())).toMatchObject({ backend: "webgpu", adapter: expect.any(String) as string });
});
