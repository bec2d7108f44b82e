import type { GPT } from "@gpt/gpt";
import { loadModel } from "@gpt/gpt/node";
import { noGrad, tensor } from "@gpt/tensor";
import { afterAll, expect, test } from "vitest";
import { Agreement } from "./agreement.ts";
import { fixtureNames, fixturePath, readJson } from "./fixtures.ts";

/** What PyTorch computes from the folder beside it. */
export interface FolderFixture {
  /** `[B][T]`. */
  readonly ids: number[][];
  /** `[B][T][vocabSize]`. */
  readonly logits: number[][][];
}

/** Tests of folders that Python wrote, loaded onto the chosen backend. */
export function describeFolders(backendName: string, names: readonly string[] = fixtureNames("folders")): void {
  const agreement = new Agreement(`folders on ${backendName}`);
  afterAll(() => agreement.report());

  test.each(names)("the folder %s, which Python wrote, gives the same logits", async (name) => {
    const { ids, logits } = readJson<FolderFixture>("folders", `${name}.json`);
    const model = await loadModel(fixturePath("folders", name));
    agreement.expect("logits", name, await logitsOf(model, ids), logits.flat(2));
    model.dispose();
  });
}

/** Tests that these folders give the same bits where blocks are read when they compute. */
export function describeStreaming(names: readonly string[]): void {
  test.each(names)("the folder %s, read block by block, gives the same bits", async (name) => {
    const { ids } = readJson<FolderFixture>("folders", `${name}.json`);
    const results: Float32Array[] = [];
    for (const stream of [false, true]) {
      const model = await loadModel(fixturePath("folders", name), { stream });
      results.push(await logitsOf(model, ids));
      model.dispose();
    }
    expect(results[1]).toEqual(results[0]);
  });
}

/** `[B][T]` → logits, `[B, T, vocabSize]`. */
export async function logitsOf(model: GPT, rows: number[][]): Promise<Float32Array> {
  const ids = tensor(rows, { dtype: "i32" });
  const logits = noGrad(() => model.forward(ids));
  try {
    return await logits.data();
  } finally {
    logits.dispose();
    ids.dispose();
  }
}
