import { join } from "node:path";
import { resultOf } from "@gpt/testing/browser";
import { gpuFlags } from "@gpt/testing/gpu";
import { whileServing } from "@gpt/testing/static-server";
import { expect, test } from "vitest";
import * as vite from "vite";
import { browserProject, packByWebpack, quiet } from "./bundlers.ts";
import { expectSameOnGPU } from "./expectations.ts";

// Bundlers meet the optional package of Node's, which pages do not need.

const onGPU = (url: string): Promise<unknown> => resultOf(url, { flags: gpuFlags });

test("WebGPU, from Vite", async () => {
  const root = await browserProject("./on-gpu.js", { more: ["on-gpu.js"] });
  const warnings: string[] = [];
  const logger = { ...vite.createLogger("warn"), warn: (text: string) => void warnings.push(text) };
  await vite.build({ ...quiet, root, customLogger: logger });
  expect(warnings).toEqual([]);
  expectSameOnGPU(await whileServing(join(root, "dist"), onGPU));
});

test("WebGPU, from webpack", async () => {
  const context = await browserProject("./dist/main.js", { more: ["on-gpu.js"] });
  await packByWebpack(context, "./on-gpu.js");
  expectSameOnGPU(await whileServing(context, onGPU));
});
