import { copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { GPT } from "@gpt/gpt";
import { saveModel, writeGGUF } from "@gpt/gpt/node";
import { Hub } from "@gpt/testing/hub";
import { isolation } from "@gpt/testing/static-server";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { tokenizerFiles, trainBPE } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { tokenizerToGGUF } from "@gpt/tokenizer/gguf";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BuiltPage } from "./built-page.ts";
import { drop } from "./drop.ts";
import { chip, eventually, expectAccessible } from "./expectations.ts";

let built: BuiltPage;
let folder: string;
let tokenizer: Tokenizer;
const inFolder = (name: string): string => join(folder, name);

/** A GGUF file, a folder, and what is neither. */
beforeAll(async () => {
  built = await BuiltPage.copy();
  folder = await mkdtemp(join(tmpdir(), "gpt-models-"));
  useBackend(await wasm());
  tokenizer = await trainBPE(["to be or not to be, that is the question"], { vocabSize: 265 });
  const model = new GPT({ vocabSize: 265, contextLength: 64, layers: 2, heads: 2, dim: 64 });
  await writeGGUF(model, inFolder("tiny.gguf"), { dtype: "q8_0", tokenizer: tokenizerToGGUF(tokenizer) });
  await saveModel(model, inFolder("tiny-folder"), { extraFiles: Object.fromEntries(tokenizerFiles(tokenizer)) });
  const whole = await readFile(inFolder("tiny.gguf"));
  await writeFile(inFolder("cut.gguf"), whole.subarray(0, whole.length - 5000));
  await writeFile(inFolder("noise.gguf"), whole.subarray(5000, 15_000));
  await writeFile(inFolder("huge.gguf"), whole.subarray(0, 4));
  await truncate(inFolder("huge.gguf"), 6 * 2 ** 30);
  await mkdir(inFolder("empty"));
  for (const [name, layers] of [["large", 32], ["vast", 320]] as const) {
    await mkdir(inFolder(name));
    await writeFile(inFolder(`${name}/config.json`), JSON.stringify({ model_type: "gpt2", n_layer: layers, n_head: 16, n_embd: 2048, n_positions: 64, vocab_size: 265 }));
  }
});
afterAll(async () => {
  await built?.close();
  await rm(folder, { recursive: true, force: true });
});

const dialog = (page: Page): Locator => page.getByRole("dialog");

/** Its vocabulary is that of the open model. */
async function expectVocabulary(page: Page): Promise<void> {
  const tokens = page.locator('[data-vocabulary="model"]').getByRole("option");
  await eventually(async () => (await tokens.allInnerTexts()).map(Number)).toEqual(tokenizer.encode("to be"));
}

test("files and folders, chosen and dropped; broken ones, and those that do not fit, leave the model as it is; what is written is stopped", async () => {
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } }, "#tokens");
  await page.getByRole("textbox").fill("to be");
  await page.getByRole("radio", { name: "Ids" }).check();
  await page.locator(".chip .dot.ready").nth(1).waitFor();
  await page.getByRole("link", { name: "Write" }).click();
  await page.getByRole("slider", { name: "Tokens at most" }).fill("256");
  await page.getByRole("button", { name: "Write", exact: true }).click();
  await page.locator(".written .token:not(.given)").first().waitFor();
  await drop(page, inFolder("tiny.gguf"));
  await chip(page, "Model: tiny.gguf").waitFor();
  await dialog(page).getByText("int8").waitFor();
  await expectAccessible(page);
  expect(await page.locator(".written").count()).toBe(0);
  const [file] = await Promise.all([page.waitForEvent("download"), dialog(page).getByRole("button", { name: "Save as one HTML file" }).click()]);
  await dialog(page).getByText("tiny.html was given to the browser").waitFor();
  await file.saveAs(inFolder(file.suggestedFilename()));
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Write", exact: true }).click();
  await page.locator(".written .token:not(.given)").first().waitFor();
  await page.getByRole("link", { name: "Tokens" }).click();
  await expectVocabulary(page);

  for (const [name, said] of [
    ["cut.gguf", "This file is damaged, or no model."], ["noise.gguf", "This file is damaged, or no model."], ["huge.gguf", "This file is damaged, or no model."],
    ["empty", "This is no model"], ["vast", "Not even in 8 bits a weight"],
  ]) {
    await drop(page, inFolder(name));
    await dialog(page).locator(".opening", { hasText: name }).getByText(said).waitFor();
  }
  await drop(page, inFolder("large"));
  await dialog(page).getByRole("button", { name: "Open in 8 bits" }).click();
  await dialog(page).getByText("The model has no tokenizer").waitFor();
  await expectAccessible(page);
  await page.evaluate(() => {
    const readEntries = (_: unknown, fail: (error: DOMException) => void): void => fail(new DOMException("it is gone", "NotFoundError"));
    DataTransferItem.prototype.webkitGetAsEntry = () => ({ name: "lost", isDirectory: true, createReader: () => ({ readEntries }) }) as unknown as FileSystemEntry;
  });
  await drop(page, inFolder("tiny-folder"));
  await dialog(page).locator(".opening", { hasText: "lost" }).getByText("The file cannot be read any more.").waitFor();
  await dialog(page).getByRole("button", { name: "Open: Stories" }).click();
  await chip(page, "Model: Stories").waitFor();

  await page.getByLabel("Choose a folder…").setInputFiles(inFolder("tiny-folder"));
  await chip(page, "Model: tiny-folder").waitFor();
  await page.keyboard.press("Escape");
  await expectVocabulary(page);

  const alone = await page.context().newPage();
  await alone.goto(pathToFileURL(inFolder("tiny.html")).href);
  expect(await alone.title()).toBe("tiny.gguf");
  await alone.locator("#write:enabled").click();
  await eventually(() => alone.locator("#texts").innerText()).not.toBe("");
});

test("a model of the page's own host, which the address names, is opened at once; one of another is not", async () => {
  await copyFile(inFolder("tiny.gguf"), join(built.folder, "models/tiny.gguf"));
  const page = await built.open(isolation, { locale: "en-US" }, "#tokens?model=/some/path/models/tiny.gguf");
  await chip(page, "Model: tiny.gguf").waitFor();
  await page.getByRole("radio", { name: "Ids" }).check();
  await page.getByRole("textbox").fill("to be");
  await expectVocabulary(page);
  await eventually(() => page.url()).toContain("?model=%2Fsome%2Fpath%2Fmodels%2Ftiny.gguf");
  await page.evaluate(() => (location.hash = "#tokens?model=//example.org/tiny.gguf"));
  await page.getByRole("link", { name: "Write" }).click();
  await chip(page, "Model: tiny.gguf").waitFor();
});

test("a model of the hub: its progress, cancelled; kept, opened again without the hub, and deleted; in 简体中文, dark, on a phone", async () => {
  const files = { ...Object.fromEntries(tokenizerFiles(tokenizer)) } as Record<string, string | Uint8Array>;
  for (const name of ["config.json", "model.safetensors"]) files[name] = await readFile(inFolder(`tiny-folder/${name}`));
  const hub = await Hub.start({ "toys/abc": files, "toys/gguf": { "tiny-q8_0.gguf": await readFile(inFolder("tiny.gguf")), "tiny-f16.gguf": "never" } });
  try {
    const page = await built.open(isolation, { locale: "zh-CN", colorScheme: "dark", viewport: { width: 390, height: 840 } }, "", hub);
    await chip(page, "模型: 故事").click();
    const name = dialog(page).getByRole("textbox", { name: "Hub 上的名称" });
    await name.fill("toys/none");
    await name.press("Enter");
    await dialog(page).getByText("Hub 上没有这个名称").waitFor();
    hub.intercept = ({ headers }, response) => {
      if (headers.authorization === "Bearer hf_mine") return false;
      response.writeHead(headers.authorization ? 403 : 401, { "x-error-code": "GatedRepo" }).end();
      return true;
    };
    await name.fill("toys/abc");
    await name.press("Enter");
    await dialog(page).getByText("Hub 只向接受了条款的用户提供此模型").waitFor();
    expect(await dialog(page).getByRole("link", { name: "Hub 上的模型页面" }).getAttribute("href")).toBe("https://huggingface.co/toys/abc");
    await expectAccessible(page);
    const token = dialog(page).getByRole("textbox", { name: "Hub 令牌" });
    await token.fill("hf_other");
    await token.press("Enter");
    await dialog(page).getByText("Hub 不向此令牌的账户提供此模型").waitFor();
    await token.fill(" hf_mine ");
    expect(await dialog(page).getByRole("button", { name: /toys/ }).count()).toBe(0); // Nothing is kept.
    hub.interceptStorage = () => true; // It never answers.
    await name.fill("toys/abc");
    await name.press("Enter");
    await dialog(page).getByRole("progressbar").waitFor();
    await eventually(() => hub.requests.some(({ line }) => line.endsWith("model.safetensors"))).toBe(true);
    await dialog(page).getByRole("button", { name: "取消" }).click();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("models-title");
    hub.interceptStorage = () => false;
    await name.press("Enter");
    await chip(page, "模型: toys/abc").waitFor();
    await dialog(page).getByRole("button", { name: "删除: toys/abc" }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await expectAccessible(page);

    await name.fill("toys/gguf@main");
    await name.press("Enter");
    await eventually(() => dialog(page).getByRole("group", { name: "仓库中的文件" }).getByRole("button").allInnerTexts()).toEqual(["q8_0", "f16"]);
    await dialog(page).getByRole("button", { name: "q8_0" }).click();
    await chip(page, "模型: toys/gguf:q8_0@main").waitFor();
    const asked = hub.requests.length;
    await dialog(page).getByRole("button", { name: "打开: toys/abc" }).click();
    await chip(page, "模型: toys/abc").waitFor();
    await dialog(page).getByRole("button", { name: "打开: toys/gguf" }).click();
    await chip(page, "模型: toys/gguf:q8_0@main").waitFor();
    expect(await dialog(page).getByRole("button", { name: "打开: toys/gguf" }).getAttribute("aria-disabled")).toBe("true");
    await dialog(page).getByRole("button", { name: "打开: toys/abc" }).click();
    await chip(page, "模型: toys/abc").waitFor();
    await eventually(() => page.url()).toContain("model=toys%2Fabc");
    await page.reload();
    await chip(page, "模型: toys/abc").click();
    await page.locator(".chip .dot.ready").nth(1).waitFor();
    expect(hub.requests.length).toBe(asked);
    await dialog(page).getByRole("button", { name: "删除: toys/abc" }).click();
    await eventually(() => dialog(page).getByRole("button", { name: "删除: toys/abc" }).count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("kept-models");
    expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain("hf_");
    await page.keyboard.press("Escape");
    await chip(page, /^计算/).click();
    await page.getByRole("radio", { name: "CPU，单核" }).check();
    await chip(page, "模型: 故事").waitFor();
    await dialog(page).locator(".opening", { hasText: "toys/abc" }).getByText("此浏览器中没有保存完整的模型").waitFor();
    await eventually(() => page.url()).not.toContain("model=");
    await page.evaluate(() => (location.hash = "#tokens?model=toys/abc"));
    await dialog(page).getByText("点击“打开”后才会下载").waitFor();
    expect(hub.requests.length).toBe(asked);
  } finally {
    await hub.close();
  }
});
