import { streamTokens } from "@gpt/generate";
import type { GeneratedToken } from "@gpt/generate";
import { resolveConfig, Routing } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { add, noGrad, scope, tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { AdamW } from "@gpt/train";
import { afterAll, describe, expect, test } from "vitest";
import { Agreement } from "./agreement.ts";
import { fixtureNames, subset, valuesOf } from "./fixtures.ts";
import { buildModel, readModelFixture } from "./model-fixture.ts";

/** The loss of the tokens, and of routers those that the configuration has coefficients for. */
function lossOf(model: GPT, ids: Tensor<"i32">, targets: Tensor<"i32">): Tensor {
  if (!model.config.blocks.some(({ mlp }) => mlp.type === "experts")) return model.loss(ids, targets);
  const routing = new Routing(model);
  try {
    return scope(() => {
      const loss = model.loss(ids, targets, { hooks: routing.hooks });
      const { weighted } = routing.losses({ balanceTogether: true });
      return weighted ? add(loss, weighted) : loss;
    });
  } finally {
    routing.dispose();
  }
}

/** Tests of small GPTs on the chosen backend, against PyTorch's. */
export function describeModels(backendName: string, names: readonly string[] = fixtureNames("models")): void {
  describe.each(names)("%s", (name) => {
    const fixture = readModelFixture(name);
    const { tensors } = fixture;
    const agreement = new Agreement(`${name} on ${backendName}`);
    const { blocks } = resolveConfig(fixture.config);

    /** Where the key bias is in a parameter, if its true gradient is zero. */
    function zerosOf(path: string): [start: number, end: number] | undefined {
      const block = /^blocks\.(\d+)\.attention\.qkv\.bias$/.exec(path)?.[1];
      if (block === undefined) return undefined;
      const { heads, kvHeads, headDim, rotary, headNorm, sinks } = blocks[Number(block)].attention;
      const start = heads * headDim;
      return rotary || headNorm || sinks ? undefined : [start, start + kvHeads * headDim];
    }

    /**
     * The values of a parameter without such a bias. It adds the same to all scores of a query, so that its true gradient is
     * zero; Adam scales what rounding leaves of that up to whole steps.
     */
    function withoutZeros(path: string, values: ArrayLike<number>): number[] {
      const [start, end] = zerosOf(path) ?? [0, 0];
      return Array.from(values).filter((_, i) => i < start || i >= end);
    }

    afterAll(() => agreement.report());

    /** Runs `region` with the fixture's model and batch. */
    async function withModel(region: (model: GPT, ids: Tensor<"i32">, targets: Tensor<"i32">) => Promise<void>) {
      const model = buildModel(fixture, "weights");
      const ids = tensor(fixture.ids, { dtype: "i32" });
      const targets = tensor(fixture.targets, { dtype: "i32" });
      try {
        await region(model, ids, targets);
      } finally {
        for (const owned of [model, ids, targets]) owned.dispose();
      }
    }

    test("logits", async () => {
      await withModel(async (model, ids) => {
        const logits = noGrad(() => model.forward(ids));
        agreement.expect("logits", "all", await logits.data(), valuesOf(tensors, "logits").data);
        logits.dispose();
      });
    });

    test("loss, and every gradient; that of the key bias, which softmax makes zero, by an absolute bound", async () => {
      await withModel(async (model, ids, targets) => {
        const loss = lossOf(model, ids, targets);
        agreement.expect("loss", "of the first step", [await loss.item()], [fixture.losses[0]]);
        loss.backward();
        loss.dispose();
        const expected = subset(tensors, "gradients.");
        expect([...model.stateDict().keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [path, { grad }] of model.namedParameters()) {
          if (!grad) throw new Error(`${path} has no gradient`);
          const gradient = await grad.data();
          const theirs = withoutZeros(path, valuesOf(expected, path).data);
          agreement.expect("gradients", path, withoutZeros(path, gradient), theirs);
          const zeros = zerosOf(path);
          if (zeros) agreement.expectZero("gradient of the key bias", path, gradient.slice(...zeros), 1e-6);
        }
      });
    });

    test("10 steps of AdamW with clipping: losses, norms and weights, without the key bias", async () => {
      await withModel(async (model, ids, targets) => {
        const { clip, ...options } = fixture.optimizer;
        const optimizer = new AdamW(model.namedParameters(), options);
        expect(fixture.losses).toHaveLength(10);
        for (const [step, expectedLoss] of fixture.losses.entries()) {
          optimizer.zeroGrad();
          const loss = lossOf(model, ids, targets);
          loss.backward();
          optimizer.step({ clip });
          const norm = await optimizer.gradientNorm.item();
          agreement.expect("losses", `of step ${step + 1}`, [await loss.item()], [expectedLoss]);
          agreement.expect("norms of the gradients", `of step ${step + 1}`, [norm], [fixture.gradientNorms[step]]);
          loss.dispose();
        }
        const [initial, expected] = [subset(tensors, "weights."), subset(tensors, "trained.")];
        for (const [path, parameter] of model.namedParameters()) {
          const before = withoutZeros(path, valuesOf(initial, path).data);
          const ours = withoutZeros(path, await parameter.data());
          const theirs = withoutZeros(path, valuesOf(expected, path).data);
          agreement.expect("trained weights", path, ours, theirs);
          const change = (weights: number[]) => weights.map((weight, i) => weight - before[i]);
          agreement.expect("changes of the weights", path, change(ours), change(theirs));
        }
        optimizer.dispose();
      });
    });

    test("the likeliest tokens, written one by one with a cache", async () => {
      const model = buildModel(fixture, "trained");
      const { prompt, ids, logProbabilities } = fixture.greedy;
      const choices: GeneratedToken[] = [];
      for await (const event of streamTokens(model, prompt, { maxTokens: ids.length, temperature: 0 })) {
        if (event.type === "token") choices.push(event);
      }
      expect(choices.map(({ id }) => id)).toEqual(ids);
      const ours = choices.map(({ logProbability }) => logProbability);
      agreement.expect("log-probabilities", "of the likeliest tokens", ours, logProbabilities);
      model.dispose();
    });
  });
}
