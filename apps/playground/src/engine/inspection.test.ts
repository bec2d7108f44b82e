import { captureActivations, expertLoads, GPT, preset } from "@gpt/gpt";
import type { GPTConfig, GPTOptions, HookName } from "@gpt/gpt";
import { noGrad, scope, tensor, useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { CharacterTokenizer } from "@gpt/tokenizer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Seen } from "../screens/inside/seen.ts";
import { strongest } from "./api/inside.ts";
import type { PatchEnds, PatchRow, PatchSite } from "./api/inside.ts";
import { inspect, lens } from "./inspection.ts";
import { streamsOf } from "./parts.ts";
import { compare, patch } from "./patching.ts";
import type { OpenModel } from "./session.ts";

const alphabet = "abcdefghijklmnopqrstuvwxyz .";
const vocabSize = alphabet.length;
const small = { vocabSize, contextLength: 24, layers: 3, heads: 3, dim: 12, initialStd: 0.4 } as const;
const rms = { type: "rms", epsilon: 1e-6 } as const;

/** What models are made of: as GPT-2, GPT-1, Llama with groups of heads and a window, and with experts. */
const models: Readonly<Record<string, GPTOptions | GPTConfig>> = {
  "GPT-2": small,
  "GPT-1": { ...small, normPlacement: "post" },
  Llama: {
    vocabSize, contextLength: 24, dim: 12, positions: "none", finalNorm: rms, head: { type: "linear" }, initialStd: 0.3,
    blocks: [undefined, 4].map((window) => ({
      place: "pre", norm: rms, attention: { heads: 4, kvHeads: 2, headDim: 4, rotary: { theta: 100 }, window },
      mlp: { type: "gated", hiddenDim: 20, gate: "silu" },
    })),
  },
  "experts, sinks and heads that differ": {
    vocabSize, contextLength: 24, dim: 12, positions: "none", finalNorm: rms, head: { type: "linear" }, initialStd: 0.3,
    blocks: [2, 4].map((heads) => ({
      place: "pre", norm: rms, attention: { heads, kvHeads: 2, headDim: 4, rotary: { theta: 100 }, sinks: true },
      mlp: heads === 2 ? { type: "gated", hiddenDim: 20, gate: "silu" } : { type: "experts", count: 5, active: 2, expert: { type: "gated", hiddenDim: 6, gate: "silu" } },
    })),
  },
  "a preset with experts": preset("moe-nano", { vocabSize }),
};

const here = "tom has a dog.";
const there = "ann has a dog.";

let backend: Awaited<ReturnType<typeof wasm>>;
beforeAll(async () => useBackend((backend = await wasm({ threads: 1 }))));
afterAll(() => backend.dispose());

describe.each(Object.entries(models))("%s", (_, options) => {
  const open = (): OpenModel => ({ model: new GPT(options, { seed: 3 }), tokenizer: new CharacterTokenizer(alphabet) });

  test("what is shown is what hooks see", async () => {
    const { model, tokenizer } = open();
    const ids = tokenizer.encode(here);
    const seen = new Seen(await inspect({ model, tokenizer }, here));
    expect(seen.ids).toEqual(ids);
    const capture = (name: HookName): Float32Array => captureActivations(model, ids, [name])[name].dataSync();
    const { dim, blocks } = model.config;
    const near = (a: ArrayLike<number>, b: ArrayLike<number>): void => Array.from(a).forEach((value, i) => expect(value).toBeCloseTo(b[i], 4));

    const names: HookName[] = ["embed", ...blocks.map((_, block) => `blocks.${block}.residual` as const)];
    streamsOf(blocks.length).forEach((stream, height) => {
      const whole = capture(names[height]);
      for (let token = 0; token < ids.length; token++) {
        const vector = whole.subarray(token * dim, (token + 1) * dim);
        near(seen.vector(stream, token), vector);
        expect(seen.norm(stream, token)).toBeCloseTo(Math.hypot(...vector), 4);
      }
    });
    near(seen.vector("final", 5), capture("residual").subarray(5 * dim, 6 * dim));
    const sum = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value + b[i]);
    near(sum(seen.vector("token", 3), seen.vector("position", 3)), seen.vector("embed", 3));
    blocks.forEach((_, block) => {
      const before = seen.vector(streamsOf(blocks.length)[block], 4);
      near(sum(before, seen.vector({ block, part: "attention" }, 4)), capture(`blocks.${block}.attention.residual`).subarray(4 * dim, 5 * dim));
      near(sum(seen.vector({ block, part: "middle" }, 4), seen.vector({ block, part: "mlp" }, 4)), seen.vector({ block, part: "residual" }, 4));
    });

    blocks.forEach(({ attention, mlp }, block) => {
      const pattern = capture(`blocks.${block}.attention.pattern`);
      for (let head = 0; head < attention.heads; head++) near(seen.pattern(block, head), pattern.subarray(head * ids.length ** 2, (head + 1) * ids.length ** 2));
      const hidden = capture(`blocks.${block}.mlp.hidden`);
      const width = hidden.length / ids.length;
      const values = Array.from(hidden.subarray(6 * width, 7 * width));
      const sizes = values.toSorted((a, b) => Math.abs(b) - Math.abs(a)).slice(0, strongest);
      near(seen.neurons(block, 6).map(({ activation }) => activation), sizes);
      const routed = seen.experts(block, 6).map(({ expert }) => expert);
      for (const { number, expert, activation } of seen.neurons(block, 6)) {
        const row = expert === undefined ? 0 : routed.indexOf(expert) * (mlp.type === "experts" ? mlp.expert.hiddenDim : 0);
        expect(values[row + number]).toBeCloseTo(activation, 4);
      }
    });
    const withExperts = blocks.flatMap(({ mlp }, block) => (mlp.type === "experts" ? [block] : []));
    if (withExperts.length > 0) (await expertLoads(model, ids)).forEach((load, i) => near(seen.loads(withExperts[i]), load));
  });

  test("the lens ends with what the model says", async () => {
    const { model, tokenizer } = open();
    const ids = tokenizer.encode(here);
    const { top, ids: likeliest, probabilities, parts } = await lens({ model, tokenizer }, ids);
    const last = likeliest.length - top;
    const answer = probabilitiesOf(model, ids);
    expect(likeliest[last]).toBe(answer.indexOf(Math.max(...answer)));
    expect(probabilities[last]).toBeCloseTo(Math.max(...answer), 4);
    expect(new Set(parts.map(({ id }) => id))).toEqual(new Set(likeliest));
  });

  test("patching with the same text changes nothing; with another, the last stream of the last token is all of the answer", async () => {
    const found = open();
    const { model, tokenizer } = found;
    const [ids, source] = [here, there].map((text) => tokenizer.encode(text));
    const { answers } = await compare(found, here, there);
    const { id: target, probability, otherProbability } = answers[0];
    const [mine, theirs] = [ids, source].map((each) => probabilitiesOf(model, each)[target]);
    expect(probability).toBeCloseTo(mine, 4);
    expect(otherProbability).toBeCloseTo(theirs, 4);
    const run = async (from: readonly number[], site: PatchSite, signal = new AbortController().signal): Promise<[PatchEnds | undefined, PatchRow[]]> => {
      const rows: PatchRow[] = [];
      let ends: PatchEnds | undefined;
      await patch(found, { ids, source: from, target, site }, signal, (event) => {
        if (event.type === "ends") ends = event;
        else rows.push(event);
      });
      return [ends, rows];
    };
    for (const site of ["stream", "heads"] as const) {
      const [ends, rows] = await run(ids, site);
      expect(rows).toHaveLength(model.config.blocks.length + (site === "stream" ? 1 : 0));
      for (const row of rows) for (const value of row.probabilities) expect(value).toBeCloseTo(ends!.probability, 6);
    }
    const [ends, rows] = await run(source, "stream");
    expect(ends!.probability).toBeCloseTo(mine, 4);
    expect(ends!.otherProbability).toBeCloseTo(theirs, 4);
    const last = rows.at(-1)!;
    expect(last.probabilities).toHaveLength(ids.length);
    expect(last.probabilities.at(-1)).toBeCloseTo(theirs, 4);
    expect(last.logits.at(-1)).toBeCloseTo(ends!.otherLogit, 3);
    expect(last.probabilities[0]).toBeCloseTo(mine, 4);
    const controller = new AbortController();
    controller.abort();
    expect((await run(source, "stream", controller.signal))[1]).toEqual([]);
  });
});

test("a long text is looked at as far as the model reads; an empty one is refused; memory is freed", async () => {
  const open = { model: new GPT(small, { seed: 3 }), tokenizer: new CharacterTokenizer(alphabet) };
  const before = backend.memory.liveBuffers;
  const { tokens, count } = await inspect(open, "a dog. ".repeat(20));
  expect([tokens.length, count]).toEqual([24, 140]);
  await lens(open, tokens.map(({ id }) => id));
  await compare(open, here, there);
  await expect(inspect(open, "")).rejects.toMatchObject({ code: "empty-prompt" });
  expect(backend.memory.liveBuffers).toBe(before);
});

function probabilitiesOf(model: GPT, ids: readonly number[]): number[] {
  const logits = scope(() =>
    noGrad(() => model.evaluating(() => Array.from(model.forward(tensor(Int32Array.from(ids), { shape: [1, ids.length] })).dataSync().slice(-vocabSize)))),
  );
  const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  return powers.map((power) => power / powers.reduce((sum, each) => sum + each, 0));
}
