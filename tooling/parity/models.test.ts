import { GPT } from "@gpt/gpt";
import type { GPTOptions } from "@gpt/gpt";
import { noGrad, scope, tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { AdamW } from "@gpt/train";
import type { AdamWOptions } from "@gpt/train";
import { afterAll, describe, expect, test } from "vitest";
import { Agreement } from "./agreement.ts";
import { backends, runOn } from "./backends.ts";
import { fixtureNames, readJson, readTensors, subset, toTensor, valuesOf } from "./fixtures.ts";

/** A model, a batch, and what PyTorch's AdamW made of the model on that batch. */
interface ModelFixture {
  readonly config: GPTOptions;
  readonly optimizer: AdamWOptions & { readonly clip: number };
  /** `[B][T]`. */
  readonly ids: number[][];
  /** `[B][T]`; −100 is ignored. */
  readonly targets: number[][];
  /** Of each step, before it. */
  readonly losses: number[];
  /** Of each step, before clipping. */
  readonly gradientNorms: number[];
}

describe.each(backends)("%s", (backendName, start) => {
  runOn(start);

  describe.each(fixtureNames("models"))("%s", (name) => {
    const fixture = readJson<ModelFixture>("models", `${name}.json`);
    const tensors = readTensors("models", `${name}.safetensors`);
    const agreement = new Agreement(`${name} on ${backendName}`);
    afterAll(() => agreement.report());

    /** Runs `region` with the fixture's model and batch. */
    async function withModel(region: (model: GPT, ids: Tensor<"i32">, targets: Tensor<"i32">) => Promise<void>) {
      const model = new GPT(fixture.config, { weights: "zeros" });
      scope(() => {
        const weights = [...subset(tensors, "weights.")];
        model.loadStateDict(new Map(weights.map(([path, values]) => [path, toTensor(values)])));
      });
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
        const loss = model.loss(ids, targets);
        agreement.expect("loss", "of the first step", [await loss.item()], [fixture.losses[0]]);
        loss.backward();
        loss.dispose();
        const expected = subset(tensors, "gradients.");
        expect([...model.stateDict().keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [path, { grad }] of model.namedParameters()) {
          if (!grad) throw new Error(`${path} has no gradient`);
          const gradient = await grad.data();
          const theirs = withoutKeyBias(path, valuesOf(expected, path).data);
          agreement.expect("gradients", path, withoutKeyBias(path, gradient), theirs);
          if (isProjectionBias(path)) agreement.expectZero("gradient of the key bias", path, keyBias(gradient), 1e-6);
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
          const loss = model.loss(ids, targets);
          loss.backward();
          optimizer.step({ clip });
          const norm = await optimizer.gradientNorm.item();
          agreement.expect("losses", `of step ${step + 1}`, [await loss.item()], [expectedLoss]);
          agreement.expect("norms of the gradients", `of step ${step + 1}`, [norm], [fixture.gradientNorms[step]]);
          loss.dispose();
        }
        const [initial, expected] = [subset(tensors, "weights."), subset(tensors, "trained.")];
        for (const [path, parameter] of model.namedParameters()) {
          const before = withoutKeyBias(path, valuesOf(initial, path).data);
          const ours = withoutKeyBias(path, await parameter.data());
          const theirs = withoutKeyBias(path, valuesOf(expected, path).data);
          agreement.expect("trained weights", path, ours, theirs);
          const change = (weights: number[]) => weights.map((weight, i) => weight - before[i]);
          agreement.expect("changes of the weights", path, change(ours), change(theirs));
        }
        optimizer.dispose();
      });
    });
  });
});

/** Whether it is the bias of queries, keys and values, which lie one behind the other. */
function isProjectionBias(path: string): boolean {
  return path.endsWith("attention.qkv.bias");
}

function keyBias(values: ArrayLike<number>): number[] {
  return Array.from(values).slice(values.length / 3, (2 * values.length) / 3);
}

/**
 * The values of a parameter, the key bias left out. It adds the same to all scores of a query, so that its true
 * gradient is zero; Adam scales what rounding leaves of that up to whole steps.
 */
function withoutKeyBias(path: string, values: ArrayLike<number>): number[] {
  const dim = values.length / 3;
  return Array.from(values).filter((_, i) => !isProjectionBias(path) || i < dim || i >= 2 * dim);
}
