import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { classify } from "@gpt/generate";
import type { GPT } from "@gpt/gpt";
import { loadAdapter } from "@gpt/gpt/lora/node";
import { loadModel } from "@gpt/gpt/node";
import { noGrad, scope, tensor, useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { isolation } from "@gpt/testing/static-server";
import { entriesOf } from "@gpt/testing/zip";
import { applyChatTemplate } from "@gpt/tokenizer/chat";
import { loadTokenizer } from "@gpt/tokenizer/node";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BuiltPage } from "./built-page.ts";
import { chip, eventually, expectAccessible } from "./expectations.ts";

let built: BuiltPage;
let folder: string;
beforeAll(async () => {
  [built, folder] = [await BuiltPage.copy(), await mkdtemp(join(tmpdir(), "gpt-tuned-"))];
  useBackend(await wasm());
});
afterAll(async () => {
  await built?.close();
  await rm(folder, { recursive: true });
});

/** What a button lets the browser save; archives are unpacked. */
async function download(page: Page, button: string): Promise<string> {
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: button }).click()]);
  await page.getByText(`${file.suggestedFilename()} was given to the browser`).waitFor();
  const path = join(folder, file.suggestedFilename());
  await file.saveAs(path);
  if (!path.endsWith(".zip")) return path;
  for (const [name, content] of entriesOf(await readFile(path))) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return path.slice(0, -".zip".length);
}

const focused = (page: Page): Promise<string | null | undefined> => page.evaluate(() => document.activeElement?.textContent);

const logitsOf = (model: GPT, ids: readonly number[]): Float32Array =>
  scope(() => noGrad(() => model.eval().forward(tensor([[...ids]], { dtype: "i32" })).dataSync()));

test("labels: the example is read, learnt, stopped and gone on with, tried, and taken to Node with the same probabilities", async () => {
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 1000 } });
  await page.getByRole("link", { name: "Tune" }).click();
  await page.getByText("Nothing to learn yet.").waitFor();
  const field = page.getByRole("textbox", { name: "Examples" });
  await field.fill("good\tone\nbad two");
  await page.getByText("Line 2:", { exact: true }).waitFor();
  await page.getByText("A line needs a label, a tab, and a text.").waitFor();
  await field.fill("good\tone\ngood\ttwo");
  await page.getByText("All texts have the same label.").waitFor();
  expect(await page.getByRole("button", { name: "Take an example" }).count()).toBe(0); // What is written stays.
  await field.fill("");
  await page.getByRole("button", { name: "Take an example" }).click();
  await page.getByText("60 texts").waitFor();
  expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
  await page.getByText("48 examples to learn from, 12 kept back.").waitFor();
  await page.getByRole("radio", { name: "10", exact: true }).check();
  await page.getByText("in 60 steps").waitFor();
  await page.getByRole("button", { name: "Start" }).click();
  await page.evaluate(async () => {
    const stop = (): HTMLElement | null => document.querySelector(".run .plain-button");
    while (!stop() || !document.querySelector(".run circle")) await new Promise(requestAnimationFrame);
    stop()!.click();
  });
  await page.getByText(/^Stopped · Step \d+ of 60/).waitFor();
  expect(await focused(page)).toBe("Start anew");
  await page.getByRole("textbox", { name: "A text to classify" }).fill("I love this good day.");
  await page.locator(".probabilities li").nth(1).waitFor();
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("Done · Step 60 of 60").waitFor();
  expect(await focused(page)).toBe("Learning");
  expect(await page.getByRole("region", { name: "What was taken for what" }).locator("td").count()).toBe(4);
  await expectAccessible(page);

  await eventually(() => page.locator(".probabilities li").first().innerText()).toMatch(/^positive/);
  const tuned = await download(page, "Folder for transformers (zip)");
  const [model, tokenizer] = [await loadModel(tuned), await loadTokenizer(tuned)];
  expect(model.config.head).toMatchObject({ type: "classes", labels: ["negative", "positive"] });
  const [first] = await classify(model, tokenizer, "I love this good day.");
  const percent = new Intl.NumberFormat("en-US", { style: "percent", maximumSignificantDigits: 2 }).format(first.probability);
  expect((await page.locator(".probabilities li").first().innerText()).split("\n").filter(Boolean)).toEqual([first.label, percent]);
});

test("dialogues: LoRA is tried beside the model as it was, and taken to Node as adapter, GGUF and folder with the same logits", async () => {
  const page = await built.open(isolation, { locale: "en-US" });
  await page.goto(`${page.url()}#tune`);
  await page.getByRole("radio", { name: "Dialogues" }).check();
  await page.getByRole("textbox", { name: "Examples" }).fill("user: Hi\nassistant: Hello!\n\nuser: Who?\nassistant: Me.\n\nuser: Bye\nassistant: See you!");
  await page.getByText("A plain one is taken").waitFor();
  expect(await page.locator(".sample").first().locator("mark").allInnerTexts()).toEqual([expect.stringMatching(/^Hello!<\|endoftext\|>/)]);
  await page.getByRole("radio", { name: "none" }).check();
  await page.getByRole("radio", { name: "3", exact: true }).check();
  await page.getByText("3 examples to learn from, 0 kept back.").waitFor();
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("Done · Step 2 of 2").waitFor();
  await page.getByText("Nothing is kept back").waitFor();
  await page.getByRole("checkbox", { name: "Beside the model as it was" }).check();
  await page.getByRole("textbox", { name: "Your message" }).fill("Hi");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator(".turns[aria-busy=false] .answers.two").waitFor();
  expect(await focused(page)).toBe("Send");

  const adapter = await download(page, "Adapter for PEFT (zip)");
  const whole = await download(page, "Folder for transformers (zip)");
  const gguf = await download(page, "GGUF, 16 bits");
  const tokenizer = await loadTokenizer(adapter);
  const { ids } = applyChatTemplate([{ role: "user", content: "Hi" }], { tokenizer, addGenerationPrompt: true });
  const merged = logitsOf(await loadModel(whole), ids);
  const base = await loadModel(join(built.folder, "models/stories.gguf"));
  const before = logitsOf(base, ids);
  await loadAdapter(base, adapter);
  const adapted = logitsOf(base, ids);
  const distance = (a: Float32Array, b: Float32Array): number => Math.hypot(...a.map((value, i) => value - b[i])) / Math.hypot(...b);
  expect(distance(adapted, merged)).toBeLessThan(1e-5);
  expect(distance(before, merged)).toBeGreaterThan(1e-4);
  expect(distance(logitsOf(await loadModel(gguf, { dtype: "f32" }), ids), merged)).toBeLessThan(5e-3);
  expect((await loadTokenizer(gguf)).chatTemplates?.size).toBe(1);

  await page.getByRole("button", { name: "Chat in Write" }).click();
  await chip(page, "Model: Stories, tuned").waitFor();
  await page.getByRole("textbox", { name: "Message", exact: true }).fill("Hi");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("main").getByText(/· Seed \d+/).waitFor();
  await page.getByRole("link", { name: "Tune" }).click();
  await page.getByText("3 examples to learn from, 0 kept back.").waitFor();
});

test("in 简体中文, dark, on a phone, without isolation: files are dropped, and leaving with what is not saved asks", async () => {
  const page = await built.open({}, { locale: "zh-CN", colorScheme: "dark", viewport: { width: 390, height: 800 } });
  await page.getByRole("link", { name: "微调" }).click();
  const rows = Array.from({ length: 10 }, (_, i) => ({ text: `text ${i}`, label: i % 5 === 0 ? "少" : "多" }));
  await page.locator("input[type=file]").setInputFiles({
    name: "a.jsonl", mimeType: "application/json", buffer: Buffer.from(rows.map((row) => JSON.stringify(row)).join("\n")),
  });
  await page.getByText("“多”远多于“少”").waitFor();
  await page.getByRole("radio", { name: "只训练分类头" }).check();
  await page.getByRole("radio", { name: "3", exact: true }).check();
  await page.getByRole("button", { name: "开始" }).click();
  await page.getByText("已完成 · 第 3 步").waitFor();
  await expectAccessible(page);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  const asked = page.waitForEvent("dialog");
  await Promise.all([page.evaluate(() => setTimeout(() => location.reload())), asked.then((dialog) => dialog.dismiss())]);
  await page.getByText("已完成 · 第 3 步").waitFor();
});
