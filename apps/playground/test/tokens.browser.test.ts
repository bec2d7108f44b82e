import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { isolation } from "@gpt/testing/static-server";
import { tokenizerFiles, trainBPE } from "@gpt/tokenizer";
import { gpt2 } from "@gpt/tokenizer/gpt2";
import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BuiltPage } from "./built-page.ts";
import { chip, eventually, expectAccessible } from "./expectations.ts";

let built: BuiltPage;
beforeAll(async () => (built = await BuiltPage.copy()));
afterAll(() => built?.close());

const open = (headers: Record<string, string>, options: BrowserContextOptions): Promise<Page> => built.open(headers, options, "#tokens");
const card = (page: Page, vocabulary: string): Locator => page.locator(`[data-vocabulary="${vocabulary}"]`);

/** The ids that a card shows, in the view of ids. */
async function idsIn(page: Page, vocabulary: string): Promise<number[]> {
  return (await card(page, vocabulary).getByRole("option").allInnerTexts()).map(Number);
}

test("the licenses of what is in the build go along with it: of the page, of the Worker, and of the ranks of vocabularies", async () => {
  const text = await readFile(join(built.folder, "licenses.md"), "utf8");
  const packages = ["@huggingface/jinja", "@preact/signals", "comlink", "csv-parse", "preact"];
  for (const name of packages) expect(text).toMatch(new RegExp(`^## ${name} \\d\\S* \\(\\S+\\)\\n\\n(?!#)\\S`, "m"));
  expect(text).toMatch(/^## @gpt\/tokenizer .*\n\n.* the rank tables and special tokens [^]*Copyright \(c\) 2025 OpenAI/m);
});

test("a first visit, isolated: tokens of three vocabularies, the longest explained, and the model open on threads", async () => {
  const page = await open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } });
  await card(page, "gpt2").getByText("Merge 12 of 12").waitFor();
  for (const vocabulary of ["o200k_base", "model"]) await card(page, vocabulary).getByRole("option").first().waitFor();
  await page.locator(".chip .dot.ready").nth(1).waitFor();
  const threads = availableParallelism();
  expect(await chip(page, /Computes on/).innerText()).toBe(`CPU × ${threads}`);
  await chip(page, /^Model/).click();
  expect(await page.locator("#models .facts dd").first().innerText()).toMatch(/^\d,\d{3},\d{3}$/);
  await page.keyboard.press("Escape");

  await chip(page, /Computes on/).click();
  expect(await page.getByRole("radio", { name: "GPU (WebGPU)" }).isDisabled()).toBe(true);
  await page.getByRole("radio", { name: "CPU, one core" }).check();
  await eventually(() => chip(page, /Computes on/).innerText()).toBe("CPU × 1");
  await page.locator(".chip .dot.ready").nth(1).waitFor();
  await page.keyboard.press("Escape");

  await page.getByRole("radio", { name: "Ids" }).check();
  expect(await idsIn(page, "gpt2")).toEqual(gpt2().encode(await page.getByRole("textbox").inputValue()));
  await expectAccessible(page);
});

test("tokens by the keyboard, merges step by step, special tokens by choice", async () => {
  const page = await open(isolation, { locale: "en-US" });
  const row = card(page, "gpt2").getByRole("listbox");
  await page.getByRole("textbox").fill("an unbelievable<|endoftext|>");
  await row.getByRole("option", { name: /endoftext/ }).waitFor();
  expect(await row.getByRole("option").count()).toBe(3);
  expect(await row.locator("[aria-selected=true]").innerText()).toBe("·unbelievable");
  await card(page, "gpt2").getByRole("button", { name: "Before the first merge" }).click();
  await card(page, "gpt2").getByText("before any merge").waitFor();
  expect(await card(page, "gpt2").locator(".node.symbol").count()).toBe(13);
  await card(page, "gpt2").getByRole("button", { name: "Forward" }).click();
  await card(page, "gpt2").locator(".caption", { hasText: "Merge 1 of" }).waitFor();
  for (const name of ["To the last merge", "Back", "Play"]) await card(page, "gpt2").getByRole("button", { name }).click();
  await card(page, "gpt2").locator(".caption", { hasText: "become ·unbelievable" }).waitFor();

  await row.focus();
  await page.keyboard.press("End");
  await card(page, "gpt2").getByText("special token", { exact: true }).waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Home");
  expect(await row.locator("[aria-selected=true]").innerText()).toBe("an");
  await page.getByRole("checkbox", { name: /Special tokens/ }).uncheck();
  await eventually(() => row.getByRole("option").count()).toBe(gpt2().encode("an unbelievable<|endoftext|>", { disallowedSpecial: [] }).length);
});

test("without the headers, in 简体中文, dark, on a phone: one thread, and threads once a service worker is let", async () => {
  const page = await open({}, { locale: "zh-CN", colorScheme: "dark", viewport: { width: 360, height: 740 } });
  await page.getByRole("heading", { name: "文本变成词元" }).waitFor();
  await eventually(() => chip(page, /计算位置/).innerText()).toBe("CPU × 1");
  await card(page, "model").getByRole("option").first().waitFor();
  expect(await page.evaluate(() => [document.documentElement.lang, document.documentElement.scrollWidth])).toEqual(["zh-CN", 360]);
  await expectAccessible(page);

  await chip(page, /计算位置/).click();
  await page.getByText("多线程要求页面跨源隔离", { exact: false }).waitFor();
  await Promise.all([page.waitForEvent("load"), page.getByRole("checkbox", { name: /Service Worker/ }).check()]);
  await eventually(() => chip(page, /计算位置/).innerText()).toBe(`CPU × ${availableParallelism()}`);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);

  await chip(page, "语言: EN").click();
  await page.getByRole("heading", { name: "Text becomes tokens" }).waitFor();
});

test("one's own tokenizer.json, chosen or dropped; a broken one and a huge one are said in plain words", async () => {
  const page = await open(isolation, { locale: "en-US" });
  const own = await trainBPE(["to be or not to be, that is the question"], { vocabSize: 265 });
  const file = (name: string, text: string) => ({ name, mimeType: "application/json", buffer: Buffer.from(text) });
  const choose = page.locator("input[type=file]");
  await page.getByRole("textbox").fill("to be");
  await page.getByRole("radio", { name: "Ids" }).check();
  await choose.setInputFiles(file("mine.json", tokenizerFiles(own).get("tokenizer.json")!));
  await eventually(() => idsIn(page, "own")).toEqual(own.encode("to be"));

  await choose.setInputFiles(file("broken.json", '{"model": {"type": "BPE", "vocab": '));
  await card(page, "own").getByText("This is not a tokenizer that can be read").waitFor();
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(129 * 2 ** 20)], "huge.json"));
    dispatchEvent(new DragEvent("drop", { dataTransfer: data }));
  });
  await card(page, "own").getByText(/huge\.json.* is too large/).waitFor();
  expect(await idsIn(page, "gpt2")).toEqual(gpt2().encode("to be"));
});

test("a megabyte that is pasted is counted, and shown in part; right-to-left lines and cut characters", async () => {
  const page = await open(isolation, { locale: "en-US" });
  const text = "The quick brown fox, 狐狸 jumps. ".repeat(33_000);
  const field = page.getByRole("textbox");
  await field.evaluate((field: HTMLTextAreaElement, text) => {
    field.select();
    const data = new DataTransfer();
    data.setData("text/plain", text);
    field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, cancelable: true }));
  }, text);
  const count = new Intl.NumberFormat("en").format(gpt2().encode(text).length);
  await card(page, "gpt2").getByText(`The first 600 of ${count} tokens`).waitFor();
  expect((await field.inputValue()).length).toBeLessThan(3000);
  await page.getByRole("button", { name: "Write another" }).click();
  await field.fill("مرحبا\nfox 🦊");
  const lines = card(page, "gpt2").getByRole("listbox").locator("[dir]");
  await eventually(() => lines.evaluateAll((lines) => lines.map((line) => (line as HTMLElement).dir))).toEqual(["rtl", "ltr"]);
  await card(page, "gpt2").locator(".byte").first().waitFor();
});

test("an engine that ends is said, and starts again", async () => {
  const page = await open(isolation, { locale: "en-US" });
  await page.locator(".chip .dot.ready").nth(1).waitFor();
  const [worker] = page.workers();
  await worker.evaluate(() => void setTimeout(() => { throw new Error("out of memory"); }));
  await chip(page, "Computes on: Engine stopped").click();
  await page.getByRole("button", { name: "Start again" }).click();
  await page.locator(".chip .dot.ready").nth(1).waitFor();
  await card(page, "gpt2").getByRole("option").first().waitFor();
});

test("the script before the engine is at most 200 KB, compressed", async () => {
  const page = await readFile(join(built.folder, "index.html"), "utf8");
  const scripts = Array.from(page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g), ([, path]) => path);
  const sources = await Promise.all(scripts.map((path) => readFile(join(built.folder, path))));
  expect(sources.length).toBeGreaterThan(0);
  // All of what is needed at first is in the page: its script imports no other.
  expect(sources.map(String).join("\n")).not.toMatch(/^import\b|\bfrom\s*"\.\//m);
  expect(sources.reduce((sum, source) => sum + gzipSync(source).length, 0)).toBeLessThan(200 * 1024);
});
