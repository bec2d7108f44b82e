import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { repository, run } from "@gpt/testing/commands";
import { expect, test } from "vitest";
import { commandProject } from "./fresh-project.ts";

const project = commandProject();

test("the installed command computes on a GPU once the package webgpu is beside it", async () => {
  const bench = (): Promise<string> =>
    run("npm", ["exec", "--", "gpt", "bench", "matmul", "--size", "8", "--seconds", "0", "--backend", "webgpu", "--json"], project());
  await expect(bench()).rejects.toThrow(/status 1 .*\nerror: --backend webgpu needs the npm package `webgpu` .*`npm install webgpu`/);

  // The one that the tests of @gpt/tensor use, so that nothing is downloaded.
  const webgpu = await realpath(join(repository, "packages/tensor/node_modules/webgpu"));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", webgpu], project());
  expect(JSON.parse(await bench())).toMatchObject({ backend: "webgpu", adapter: expect.any(String) as string });
});
