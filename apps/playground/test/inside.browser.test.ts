import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { captureActivations, logitLens } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { loadModel } from "@gpt/gpt/node";
import { isolation } from "@gpt/testing/static-server";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BuiltPage } from "./built-page.ts";
import { eventually, expectAccessible } from "./expectations.ts";

let built: BuiltPage;
let model: GPT;
let tokenizer: Tokenizer;
beforeAll(async () => {
  built = await BuiltPage.copy();
  const file = join(built.folder, "models/stories.gguf");
  useBackend(await wasm());
  [model, tokenizer] = [await loadModel(file), await loadTokenizer(file)];
});
afterAll(() => built?.close());

const card = (page: Page, name: string): Locator => page.getByRole("region", { name });
/** The number at the end of a label. */
const numberIn = (text: string | null): number => Number(/(-?[\d.]+)%?$/.exec(text!.replaceAll(",", ""))![1]);
const cells = (map: Locator): Promise<(string | null)[]> => map.getByRole("gridcell").evaluateAll((found) => found.map((cell) => cell.querySelector("title")!.textContent));

async function saved(page: Page, within: Locator, kind: string): Promise<Buffer> {
  const [download] = await Promise.all([page.waitForEvent("download"), within.getByRole("button", { name: `Save as ${kind}` }).click()]);
  expect(download.suggestedFilename()).toMatch(new RegExp(`\\.${kind.toLowerCase()}$`));
  return readFile(await download.path());
}

test("the page opens inside: its numbers are those of Node; from the model to a head by the keyboard; patching; another text", async () => {
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } });
  const picture = card(page, "The way of a token through the model");
  await picture.locator(".next").first().waitFor();
  const text = await page.getByRole("textbox", { name: "Text", exact: true }).inputValue();
  const ids = tokenizer.encode(text);
  const { blocks, dim } = model.config;
  const layers = blocks.length;

  const found = captureActivations(model, ids, ["embed", `blocks.${layers - 1}.residual`, "blocks.0.attention.pattern"]);
  const norms = [found.embed, found[`blocks.${layers - 1}.residual`]].map((stream) => {
    const values = stream.dataSync();
    return ids.map((_, token) => Math.hypot(...values.subarray(token * dim, (token + 1) * dim)));
  });
  const shownNorms = (await cells(card(page, "How long are the vectors?"))).map(numberIn);
  ids.forEach((_, token) => {
    expect(Math.abs(shownNorms[token * (layers + 1)] - norms[0][token])).toBeLessThan(1.5e-4);
    expect(Math.abs(shownNorms[token * (layers + 1) + layers] - norms[1][token])).toBeLessThan(1.5e-4);
  });
  const lens = await logitLens(model, ids, { top: 1 });
  const shownLens = (await cells(card(page, "What would each layer say?"))).map(numberIn);
  lens.forEach(({ probabilities }, height) =>
    probabilities.forEach((probability, token) => expect(Math.abs(shownLens[token * (layers + 1) + height] / 100 - probability)).toBeLessThan(1.5e-4)),
  );
  await expectAccessible(page);
  const svg = (await saved(page, picture, "SVG")).toString();
  expect(svg).toContain("<svg");
  expect(svg).not.toMatch(/var\(|color-mix|oklch/);
  expect((await saved(page, picture, "PNG")).subarray(1, 4).toString()).toBe("PNG");

  const tokens = page.getByRole("listbox");
  await tokens.focus();
  for (const key of ["Home", "ArrowRight", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
  await picture.locator(".followed").waitFor();
  expect(await picture.locator(".row").evaluateAll((rows) => rows.findIndex((row) => row.classList.contains("followed")))).toBe(3);
  await picture.getByRole("button", { name: /Block 1/ }).focus();
  await page.keyboard.press("Enter");
  await picture.getByRole("button", { name: /Head 2/ }).focus();
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  const map = picture.getByRole("application");
  await map.focus();
  for (const key of ["ArrowDown", "ArrowLeft", "ArrowLeft"]) await page.keyboard.press(key);
  const pattern = found["blocks.0.attention.pattern"].dataSync();
  const reading = await picture.locator(".reading").innerText();
  expect(Math.abs(numberIn(reading) / 100 - pattern[ids.length ** 2 + 4 * ids.length + 1])).toBeLessThan(1.5e-4);
  await expectAccessible(page);
  expect((await saved(page, picture, "PNG")).subarray(1, 4).toString()).toBe("PNG");
  for (const place of ["Block 1", "Whole model"]) {
    await page.keyboard.press("Escape");
    await eventually(() => picture.locator("[aria-current=location]").innerText()).toBe(place);
    await eventually(() => picture.locator("h2").evaluate((element) => element === document.activeElement)).toBe(true);
  }

  const patching = card(page, "What carries the answer?");
  const other = patching.getByRole("textbox");
  await other.fill(text);
  await patching.getByText("Both texts are the same").waitFor();
  await patching.getByRole("button", { name: "Patch", exact: true }).click();
  await patching.getByText(`${layers + 1} of ${layers + 1} rows`).waitFor();
  expect(new Set(await patching.locator(".cell text").allTextContents())).toEqual(new Set(["0"]));
  const another = text.replace("girl", "boy");
  expect(tokenizer.encode(another)).toHaveLength(ids.length);
  await other.fill(another);
  await patching.getByText(`Both texts have ${ids.length} tokens.`).waitFor();
  await patching.getByRole("button", { name: "Patch", exact: true }).click();
  const note = await patching.getByText(/^Without a patch/).innerText();
  await patching.getByText(`${layers + 1} of ${layers + 1} rows`).waitFor();
  const there = Number(/and ([\d.]+)% in the other text/.exec(note)![1]);
  expect(numberIn((await cells(patching)).at(-1)!)).toBeCloseTo(there, 1);
  await other.fill("One");
  await patching.getByText("Patching needs as many tokens of both texts").waitFor();
  expect(await patching.getByRole("button", { name: "Patch", exact: true }).isDisabled()).toBe(true);

  await page.getByRole("textbox", { name: "Text", exact: true }).fill("Lily ".repeat(70));
  await page.getByText(/The picture shows the first 64 of \d+ tokens/).waitFor();
  await eventually(() => picture.locator(".row").count()).toBe(64);
});

test("in 简体中文, dark, on a phone: the picture scrolls in itself", async () => {
  const page = await built.open({}, { locale: "zh-CN", colorScheme: "dark", viewport: { width: 390, height: 844 } });
  await page.getByRole("heading", { name: "走进 GPT 内部" }).waitFor();
  await page.locator(".way .next").first().waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: /第 2 层/ }).click();
  await page.getByRole("button", { name: /头 1/ }).waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: /头 1/ }).click();
  await page.getByRole("application").waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
});
