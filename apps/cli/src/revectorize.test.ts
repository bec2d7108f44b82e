import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Backend, Kernels } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { kernelDigest } from "./kernel-digest.ts";
import { gpt, records, temporaryFolder } from "../test/gpt.ts";

const option = "--experimental-revectorize";
/** The other branch runs under the lowest Node. */
const hasVectors = process.arch === "x64" && Number.parseInt(process.versions.node) >= 24;
const run = ["train", "--data", "text.txt", "--layers", "1", "--heads", "2", "--dim", "24", "--context", "16"];

async function folderWithText(): Promise<string> {
  const directory = await temporaryFolder();
  await writeFile(join(directory, "text.txt"), "The cat sat on the mat, the owl on the oak.\n".repeat(50));
  return directory;
}

if (hasVectors) {
  test("trains to the same losses in another process, whose status it returns", async () => {
    const directory = await folderWithText();
    const short = [...run, "--steps", "3", "--log-every", "1", "--json"];
    const losses = async (args: readonly string[]): Promise<unknown[]> =>
      records(await gpt(directory, [...short, ...args])).map(({ step, loss, valLoss }) => ({ step, loss, valLoss }));
    const fused = await losses(["--out", "fused", option]);
    expect(fused.length).toBeGreaterThan(3);
    expect(fused).toEqual(await losses(["--out", "plain"]));
    expect(await gpt(directory, ["train", "--data", "missing.txt", option])).toMatchObject({ status: 1 });
  });

  test("a signal ends the other process in good order", async () => {
    const directory = await folderWithText();
    let killed = false;
    const { status, stderr } = await gpt(directory, [...run, "--steps", "100000", "--log-every", "1", option], {
      onProgress: (progress, kill) => {
        if (!killed && progress.includes("step 2 of")) killed = kill("SIGTERM");
      },
    });
    expect(stderr).toContain("Saving after this step");
    expect(status).toBe(130);
  });
} else {
  test("says where it is to be had", async () => {
    const { status, stderr } = await gpt(await folderWithText(), [...run, option]);
    expect(stderr).toMatch(/^error: --experimental-revectorize needs Node 24 or newer on x64; this is v/);
    expect(status).toBe(1);
  });
}

describe("the digest", () => {
  const digestWith = (backend: Backend, kernels: Partial<Kernels>): string =>
    kernelDigest({ ...backend, kernels: { ...backend.kernels, ...kernels } });

  test("is the same for the tiles of both shapes, and for any number of threads", async () => {
    const digests = new Set<string>();
    for (const options of [{ threads: 1 }, { threads: 2 }, { threads: 1, revectorized: true }]) {
      const backend = await wasm(options);
      digests.add(kernelDigest(backend));
      expect(backend.memory.liveBuffers).toBe(0);
      backend.dispose();
    }
    expect(digests.size).toBe(1);
  });

  test("notices one wrong bit of one element of a product of one shape", async () => {
    const backend = await wasm({ threads: 1 });
    const right = kernelDigest(backend);
    const wrong = digestWith(backend, {
      linear(call) {
        backend.kernels.linear(call);
        const [rows, columns] = call.out.shape;
        if (rows !== 7 || columns !== 17) return;
        const values = backend.readSync?.(call.out) as Float32Array;
        new Uint32Array(values.buffer)[rows * columns - 1] ^= 1;
        backend.write(call.out, values);
      },
    });
    expect(wrong).not.toBe(right);
    backend.dispose();
  });
});
