import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folderWithText } from "../../test/data.ts";
import { records, startSession } from "../../test/gpt.ts";

const small = ["--context", "16", "--batch", "2", "--log-every", "2"];

test("a mixture of experts trains by Muon, is resumed, is measured and writes; its folder is one of mixtral", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  const train = ["train", "--data", "text.txt", "--preset", "moe-nano", ...small, "--balance-loss", "0.05", "--balance-together", "--optimizer", "muon", "--schedule", "linear"];
  const trained = await gpt(...train, "--steps", "4", "--json");
  expect(trained.status, trained.stderr).toBe(0);
  const [first] = records(trained) as { balanceLoss: number; zLoss: number; loads: number[][] }[];
  expect(first).toMatchObject({ step: 2, balanceLoss: expect.any(Number) as number, zLoss: expect.any(Number) as number });
  expect(first.loads.map((load) => load.length)).toEqual([4, 4, 4, 4]);

  const config = JSON.parse(await readFile(join(directory, "runs", "text", "config.json"), "utf8")) as object;
  expect(config).toMatchObject({ model_type: "mixtral", router_aux_loss_coef: 0.05, router_z_loss_coef: 0.001 });

  const resumed = await gpt("train", "--out", "runs/text", "--resume", "--steps", "6", "--allow-changes");
  expect(resumed.status, resumed.stderr).toBe(0);
  expect(resumed.stderr).toMatch(/step 6 of 6: loss \d\.\d{3} · busiest expert [1-4]\.\d\d× · /);

  const [measured] = records(await gpt("eval", "--model", "runs/text", "--data", "text.txt", "--json"));
  expect(measured.loss).toBeLessThan(4);
  const [written] = records(await gpt("generate", "--model", "runs/text", "--prompt", "The ", "--max-tokens", "5", "--json"));
  expect(written.tokens).toHaveLength(5);
});

test.each([["--balance-loss 0.1"], ["--balance-together"], ["--z-loss 0.1"]])("%s is for models that have experts", async (option) => {
  const gpt = startSession(await folderWithText());
  const { status, stderr } = await gpt("train", "--data", "text.txt", ...small, ...option.split(" "));
  expect(status).toBe(2);
  expect(stderr).toContain("--balance-loss, --balance-together and --z-loss are for experts, which the model does not have; take a preset such as moe-nano");
});

test("goes on from a model, with its tokenizer, on other text", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  const sizes = ["--layers", "1", "--heads", "2", "--dim", "16", ...small];
  expect((await gpt("train", "--data", "text.txt", ...sizes, "--steps", "20", "--lr", "0.02", "--out", "base")).status).toBe(0);
  const further = ["train", "--from", "base", "--data", "text.txt", "--batch", "2", "--context", "8", "--log-every", "1", "--lr", "1e-4"];
  const run = await gpt(...further, "--steps", "2", "--out", "further", "--json");
  expect(run.status, run.stderr).toBe(0);
  const [first] = records(run);
  const [fresh] = records(await gpt("train", "--data", "text.txt", ...sizes, "--steps", "1", "--log-every", "1", "--out", "fresh", "--json"));
  expect(first.loss).toBeLessThan((fresh.loss as number) - 0.5);
  const config = JSON.parse(await readFile(join(directory, "further", "config.json"), "utf8")) as object;
  expect(config).toMatchObject({ n_embd: 16, n_positions: 16 });
  expect(await readFile(join(directory, "further", "tokenizer.json"), "utf8")).toBe(await readFile(join(directory, "base", "tokenizer.json"), "utf8"));
  const resumed = await gpt("train", "--out", "further", "--resume", "--steps", "3", "--allow-changes");
  expect(resumed.status, resumed.stderr).toBe(0);
  const refused = await gpt(...further, "--layers", "3", "--out", "refused");
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("--layers describes a new model, and --from goes on from one that there is")]);
});
