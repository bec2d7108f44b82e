import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { trainBPE } from "@gpt/tokenizer";
import { storyCorpus, storyRecipe } from "@gpt/stories";
import { describe, expect, test } from "vitest";
import { gpt, temporaryFolder } from "../../test/gpt.ts";

/** What `gpt demo --json` ends with. */
interface Figures {
  readonly valLoss: number;
  readonly entropy: number;
  readonly sentences: number;
  readonly parsed: number;
  readonly novel: number;
  readonly coherent: number;
}

const app = join(import.meta.dirname, "../..");
const repository = join(app, "../..");
/** Of the seeds from 0 on: what `gpt demo --json --seed N` printed last. */
const measured = JSON.parse(await readFile(join(app, "demo-figures.json"), "utf8")) as Figures[];
const percent = (share: number, digits = 0): string => `${(100 * share).toFixed(digits)}%`;

/** What a newcomer is promised, whatever the seed. */
function expectGoodStories({ valLoss, entropy, sentences, parsed, novel, coherent }: Figures): void {
  expect(valLoss - entropy).toBeGreaterThan(0);
  expect(valLoss - entropy).toBeLessThan(0.03);
  expect(sentences).toBeGreaterThan(300);
  expect(parsed).toBeGreaterThanOrEqual(0.98);
  // Each seed writes some 55 stories: one more or less is 2%.
  expect(coherent).toBeGreaterThanOrEqual(0.9);
  expect(novel).toBeGreaterThanOrEqual(0.5);
}

describe("the figures of npm start", () => {
  test("95% of the stories of all seeds are coherent", () => {
    expect(measured.reduce((sum, { coherent }) => sum + coherent, 0) / measured.length).toBeGreaterThanOrEqual(0.95);
  });

  test.each(measured.map((figures, seed) => ({ seed, figures })))("seed $seed: good stories", ({ figures }) => {
    expectGoodStories(figures);
  });

  test("are those of the stories that are generated now", async () => {
    const { entropy, train, validation } = storyCorpus();
    const tokenizer = await trainBPE([train], { vocabSize: storyRecipe.vocabSize });
    const perToken = entropy / (tokenizer.encode(validation).length - 1);
    for (const figures of measured) expect(figures.entropy).toBeCloseTo(perToken, 12);
  });

  test("match the README", async () => {
    const readme = await readFile(join(repository, "README.md"), "utf8");
    const [{ valLoss, entropy, sentences, parsed, novel }] = measured;
    const worst = (of: (figures: Figures) => number): number => Math.max(...measured.map(of));
    for (const figure of [
      `validation loss ${valLoss.toFixed(4)} nats a token, ${(valLoss - entropy).toFixed(3)} above their exact entropy`,
      `${percent(parsed, 1)} of ${sentences} sampled sentences grammatical, ${percent(novel)} of them new`,
      `over ${measured.length} seeds at most ${worst((figures) => figures.valLoss - figures.entropy).toFixed(3)} above`,
      `at least ${percent(1 - worst(({ coherent }) => 1 - coherent))} of the stories coherent`,
    ]) {
      expect(readme).toContain(figure);
    }
  });

  test("match the image", async () => {
    const image = await readFile(join(repository, "docs/images/start.svg"), "utf8");
    const [{ valLoss, entropy, sentences, parsed, novel, coherent }] = measured;
    const steps = storyRecipe.training.steps.toLocaleString("en-US");
    for (const figure of [
      `step ${steps} of ${steps}`,
      `${valLoss.toFixed(4)} nats a token; no model can expect less than ${entropy.toFixed(4)}`,
      `${percent(parsed, 1)} of ${sentences} sentences; ${percent(coherent, 1)} of the stories make sense`,
      `${percent(novel, 1)} of the sentences are not in the training text`,
    ]) {
      expect(image).toContain(figure);
    }
  });
});

describe.runIf(process.env.GPT_VERIFY === "1")("npm start", () => {
  test.each([...measured.keys()])("writes good stories with seed %i", { timeout: 3_600_000 }, async (seed) => {
    const folder = await temporaryFolder();
    const { status, stdout } = await gpt(folder, ["demo", "--json", "--seed", String(seed)]);
    expect(status).toBe(0);
    expectGoodStories(JSON.parse(stdout.trim().split("\n").at(-1)!) as Figures);
  });
});
