import { join } from "node:path";
import { importersOfWorker } from "@gpt/testing/built-worker";
import { expect, inject, test } from "vitest";

test("nothing imports from the file that the Worker starts with, which WebKit would run again", async () => {
  expect(await importersOfWorker(join(inject("playground"), "assets"), "worker")).toEqual([]);
});
