import { streamTokens } from "@gpt/generate";
import type { TokenOptions } from "@gpt/generate";
import { GPT, preset } from "@gpt/gpt";
import type { GPTConfig, GPTInitialization, GPTOptions } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { webgpu } from "@gpt/tensor/webgpu";
import type { GPUWork, WebGPUBackend } from "@gpt/tensor/webgpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { finish } from "./run-on.ts";

/** A model whose random weights are large enough that its text is no monotony. */
const sizes = { vocabSize: 300, contextLength: 16, layers: 2, heads: 2, dim: 64 };
const small = { ...sizes, tiedHead: false, initialStd: 0.3 };

let backends: { readonly wasm: Backend; readonly webgpu: WebGPUBackend };
beforeAll(async () => {
  backends = { wasm: await wasm(), webgpu: await webgpu() };
});
afterAll(() => {
  for (const backend of Object.values(backends)) finish(backend);
});

type Options = TokenOptions & Pick<GPTInitialization, "dtype">;

interface Written {
  readonly ids: number[];
  readonly logProbabilities: number[];
}

/** What a model with random weights writes on a backend. `onToken` is called after each token. */
async function write(
  backend: Backend,
  config: GPTOptions | GPTConfig,
  options: Options,
  onToken?: () => void,
): Promise<Written> {
  useBackend(backend);
  const model = new GPT(config, { seed: 3, dtype: options.dtype });
  const written: Written = { ids: [], logProbabilities: [] };
  for await (const event of streamTokens(model, [1, 2, 3], options)) {
    if (event.type === "finish") break;
    written.ids.push(event.id);
    written.logProbabilities.push(event.logProbability);
    onToken?.();
  }
  model.dispose();
  return written;
}

/**
 * Expects the same ids, of some variety, and nearly the same probabilities. Where keys and values are rounded, one that
 * lies between two numbers may become either of them, by its last bit.
 */
function expectSame(ours: Written, theirs: Written, { cacheDtype }: Options = {}): void {
  expect(ours.ids).toEqual(theirs.ids);
  expect(new Set(ours.ids).size).toBeGreaterThan(ours.ids.length / 4);
  const differences = ours.logProbabilities.map((value, i) => Math.abs(value - theirs.logProbabilities[i]));
  expect(Math.max(...differences)).toBeLessThanOrEqual(cacheDtype ? 1e-2 : 1e-3);
}

const greedy = { maxTokens: 20, temperature: 0, contextShift: true };
const filters = { temperature: 0.9, topK: 50, topP: 0.95, minP: 0.001, repetitionPenalty: 1.2 };

// Keys and values in int4 are not compared by what is written: so coarse a rounding makes much of the last bit. Weights
// in int8, int4 and mxfp4 go with finer ones, since wasm rounds what it multiplies by them.
describe("writes the same as wasm", () => {
  const some: [what: string, options: Options][] = [
    ["drawn tokens, beyond the context, with all filters and a penalty for repeats", { maxTokens: 20, seed: 8, contextShift: true, ...filters }],
    ["weights in f16, keys and values in bf16", { ...greedy, dtype: "f16", cacheDtype: "bf16" }],
    ["weights in int8", { ...greedy, dtype: "int8" }],
  ];
  const others: [what: string, options: Options][] = [
    ["the likeliest tokens", greedy],
    ["drawn tokens", { maxTokens: 20, seed: 7, contextShift: true }],
    ["weights in bf16, keys and values in f16", { ...greedy, dtype: "bf16", cacheDtype: "f16" }],
    ["weights in int4", { ...greedy, dtype: "int4" }],
    ["weights in mxfp4", { ...greedy, dtype: "mxfp4" }],
    ["keys and values in int8", { ...greedy, cacheDtype: "int8" }],
  ];
  test.each([...some, ...(process.env.GPT_VERIFY ? others : [])])("%s", async (_, options) => {
    expectSame(await write(backends.webgpu, small, options), await write(backends.wasm, small, options), options);
  });
});

/** What is written, and the work for each token after the first, which is the same for all of them. */
async function writeAndCount(
  backend: WebGPUBackend,
  config: GPTOptions | GPTConfig,
  options: Options,
): Promise<{ written: Written; work: GPUWork }> {
  const after: GPUWork[] = [];
  const written = await write(backend, config, options, () => after.push(backend.work));
  const [work, ...others] = after.slice(1).map(({ calls, submissions, reads }, i) => ({
    calls: calls - after[i].calls,
    submissions: submissions - after[i].submissions,
    reads: reads - after[i].reads,
  }));
  for (const other of others) expect(other).toEqual(work);
  return { written, work };
}

/** Calls of kernels for a token: those of each layer, and those around the layers. Fewer are better. */
const calls = { layer: 9, around: 11 };

test.each([1, 3])("%i layers: few calls, one submission and one read for a token", async (layers) => {
  const { work } = await writeAndCount(backends.webgpu, { ...small, layers }, { maxTokens: 6, temperature: 0 });
  expect(work).toEqual({ calls: layers * calls.layer + calls.around, submissions: 1, reads: 1 });
});

async function compareGPT2(): Promise<void> {
  const config = preset("gpt2", { initialStd: 0.1 });
  const options = { maxTokens: 32, temperature: 0 };
  const theirs = await write(backends.wasm, config, options);
  // The embedding, which is the head too, takes 147 MiB: a token's row, and its scores, come from two parts.
  for (const [maxBindingBytes, forParts] of [[undefined, 0], [2 ** 27, 2]] as const) {
    const backend = await webgpu({ maxBindingBytes });
    const { written, work } = await writeAndCount(backend, config, options);
    finish(backend);
    console.log(`GPT-2 124M, bindings of ${maxBindingBytes ?? "any"} bytes: ${work.calls} calls a token`);
    expectSame(written, theirs);
    const expected = config.blocks.length * calls.layer + calls.around + forParts;
    expect(work).toEqual({ calls: expected, submissions: 1, reads: 1 });
  }
}

if (process.env.GPT_VERIFY) {
  test("GPT-2 124M, also split in bindings of 128 MiB", compareGPT2);
}
