import { classifierFrom } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { copyInto, noGrad, scope, tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { choiceTask, classificationTask, nextTokenTask, preferenceTask } from "@gpt/train";
import type { ChoiceExample, Example, LabelledExample, PreferenceExample, Task } from "@gpt/train";
import { afterAll, describe, expect, test } from "vitest";
import { Agreement } from "./agreement.ts";
import { readJson } from "./fixtures.ts";
import { buildModel, readModelFixture } from "./model-fixture.ts";
import { runOn } from "./run-on.ts";

type Plain<T> = T extends Int32Array | Uint8Array ? number[] : T extends object ? { readonly [K in keyof T]: Plain<T[K]> } : T;

/** What `pytorch/tasks.py` wrote. */
interface TaskFixture {
  readonly examples: readonly Plain<Example>[];
  readonly labelled: readonly Plain<LabelledExample>[];
  readonly questions: readonly Plain<ChoiceExample>[];
  readonly pairs: readonly Plain<PreferenceExample>[];
  /** Weights of heads, of three classes and of one. */
  readonly classes: number[][];
  readonly score: number[][];
  readonly options: { readonly beta: number; readonly labelSmoothing: number; readonly classWeights: number[]; readonly languageModelWeight: number };
  readonly results: Readonly<Record<string, { readonly loss: number; readonly gradients: Readonly<Record<string, readonly number[]>> }>>;
}

/** Lists of ids and masks as arrays. */
function packed<T>(value: Plain<T>): T {
  return JSON.parse(JSON.stringify(value), (key, found: unknown) => {
    if (key === "ids") return Int32Array.from(found as number[]);
    if (key === "mask") return Uint8Array.from(found as number[]);
    return key === "choices" ? (found as number[][]).map((ids) => Int32Array.from(ids)) : found;
  }) as T;
}

/** By name, a task, and the head that it needs. */
function tasksOf({ examples, labelled, questions, pairs, options }: TaskFixture): Record<string, [task: Task, head?: "classes" | "score"]> {
  const [texts, labels] = [packed<Example[]>(examples), packed<LabelledExample[]>(labelled)];
  const [choices, preferences] = [packed<ChoiceExample[]>(questions), packed<PreferenceExample[]>(pairs)];
  const { beta, labelSmoothing, classWeights, languageModelWeight } = options;
  return {
    "next-token": [nextTokenTask({ train: texts })],
    "classification": [classificationTask({ train: labels }), "classes"],
    "classification-weighted": [classificationTask({ train: labels }, { classWeights }), "classes"],
    "classification-with-text": [classificationTask({ train: labels }, { classWeights, languageModelWeight }), "classes"],
    "choice": [choiceTask({ train: choices }), "score"],
    "choice-with-text": [choiceTask({ train: choices }, { languageModelWeight }), "score"],
    "preference": [preferenceTask({ train: preferences }, { beta }), undefined],
    "preference-smoothed": [preferenceTask({ train: preferences }, { beta, labelSmoothing }), undefined],
  };
}

/** The norm, and the products with four waves. */
function summaryOf(gradient: Float32Array): number[] {
  const products = [1, 2, 3, 4].map((k) => gradient.reduce((sum, x, i) => sum + x * Math.cos(k * (i + 1)), 0));
  return [Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0)), ...products];
}

/** The model, with the fixture's head where a task needs one. */
function withHead(model: GPT, head: number[][] | undefined): GPT {
  if (!head) return model;
  const classifier = classifierFrom(model, head.map((_, i) => `class ${i}`));
  noGrad(() => scope(() => copyInto(classifier.head.weight as Tensor, tensor(head))));
  return classifier;
}

describe.each([["cpu", () => cpu()], ["wasm", () => wasm({ build: "simd" })]] as const)("losses of tasks on %s", (backendName, start) => {
  runOn(start);
  describe.each(["gpt2", "llama-parts"])("%s", (name) => {
    const fixture = readJson<TaskFixture>("tasks", `${name}.json`);
    const agreement = new Agreement(`tasks of ${name} on ${backendName}`);
    afterAll(() => agreement.report());

    test.each(Object.entries(tasksOf(fixture)))("%s", async (title, [task, head]) => {
      const { loss: expectedLoss, gradients } = fixture.results[title];
      const model = withHead(buildModel(readModelFixture(name), "weights"), head && fixture[head]);
      const count = task.examples!;
      const batch = await task.batch({ seed: 0, step: 1, first: 0, count, examplesPerStep: count, contextLength: 16 }, model);
      const loss = scope(() => {
        const loss = task.loss(model, batch);
        loss.backward();
        return loss.dataSync()[0];
      });
      agreement.expect("losses", title, [loss], [expectedLoss]);
      const found = [...model.namedParameters()].filter(([, { grad }]) => grad);
      expect(found.map(([path]) => path).sort()).toEqual(Object.keys(gradients).sort());
      for (const [path, { grad }] of found) {
        const [ours, theirs] = [summaryOf(await grad!.data()), gradients[path]];
        // What is added to all scores of a question cancels: the gradient of the last norm's bias is truly zero.
        if (theirs[0] < 1e-12) agreement.expectZero("gradients that are zero", `${title}: ${path}`, ours, 1e-5);
        else agreement.expect("gradients", `${title}: ${path}`, ours, theirs);
      }
      model.dispose();
    });
  });
});
