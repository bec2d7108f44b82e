import { join } from "node:path";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { readmeExamples, runExample } from "@gpt/testing/readme";
import { conformanceCases } from "../src/testing/index.ts";
import { nativeObstacle } from "./native.ts";

const packageFolder = join(import.meta.dirname, "..");
const [fitting, choosing, byLibrary, planning, , storing, freeing, checking, ...others] = await readmeExamples(packageFolder);

test.each([
  { name: "fits parameters", example: fitting, output: "3.000 2.000 1.000\n" },
  { name: "chooses backends", example: choosing, output: "Tensor([2, 2], f32, cpu) [[7, 10], [15, 22]] 7 10 15 22\n" },
  { name: "plans", example: planning, output: "200000 × 4 240008000000\n" },
  {
    name: "stores weights in fewer bits",
    example: storing,
    output: "0.504 -1.000 0.252 1.000 0.000 -0.504\n-0.740 -0.512\n",
  },
  { name: "frees memory", example: freeing, output: "2\n1\n" },
])("$name", async ({ example, output }) => {
  expect(await runExample(example, packageFolder, tmpdir())).toBe(output);
});

test.skipIf(nativeObstacle !== undefined)("computes by a library", async () => {
  expect(await runExample(byLibrary, packageFolder, tmpdir())).toBe("300 300 300 300\n");
});

// The cases of one kernel: all of them run beside the backend.
test("checks a backend by the conformance suite", async () => {
  const env = { ...process.env, NODE_OPTIONS: "--test-name-pattern=^softmax:" };
  const output = await runExample(checking, packageFolder, tmpdir(), env);
  const { length } = conformanceCases().filter(({ kernel }) => kernel === "softmax");
  expect(output).toMatch(new RegExp(`^(#|ℹ) pass ${length}$`, "m"));
  expect(others).toEqual([]);
});
