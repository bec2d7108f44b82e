import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { GPT } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { tokenizerFiles, tokenizerFromFiles, trainBPE } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { violationsIn } from "@gpt/testing/accessibility";
import { launch } from "@gpt/testing/browser";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { streamChat } from "../chat.ts";
import { generateText } from "../text.ts";
import { htmlFile } from "./html-file.ts";

type Browser = Awaited<ReturnType<typeof launch>>;
type Page = Awaited<ReturnType<Browser["newPage"]>>;

const hostile = "</script><script>alert(1)</script>";
/** Only a hang takes as long, in milliseconds. */
const patience = 120_000;

let browser: Browser;
let folder: string;
let model: GPT;
let tokenizer: Tokenizer;

beforeAll(async () => {
  [browser, folder] = [await launch(), await mkdtemp(join(tmpdir(), "gpt-html-"))];
  useBackend(await wasm());
  tokenizer = await trainBPE([`One day, 一天, ${hostile} a fox met a hen.`], { vocabSize: 280 });
  model = new GPT({ vocabSize: tokenizer.vocabSize, contextLength: 512, layers: 2, heads: 2, dim: 64, initialStd: 0.3 }, { seed: 1 });
});
afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
});

/** Writes a file, or the beginning of one, and gives its address. */
async function write(name: string, tokenizer: Tokenizer, bytes?: number): Promise<string> {
  const path = join(folder, `${name}.html`);
  await writeFile(path, htmlFile(model, tokenizer, { name: hostile, dtype: "f32" }).chunks);
  if (bytes !== undefined) await truncate(path, bytes);
  return pathToFileURL(path).href;
}

/** Opens a file from disk without a network. The test fails where an error is not caught, or anything else is asked for. */
async function open(name: string, tokenizer: Tokenizer, options: Parameters<Browser["newContext"]>[0], bytes?: number): Promise<Page> {
  const url = await write(name, tokenizer, bytes);
  const context = await browser.newContext({ offline: true, ...options });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => problems.push(message.text()));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:") && !request.url().startsWith("blob:")) problems.push(`asked ${request.url()}`);
  });
  onTestFinished(async () => {
    await context.close();
    expect(problems).toEqual([]);
  });
  await page.goto(url);
  return page;
}

const written = (page: Page): Promise<string> => page.locator("#texts .text").last().innerText();

test("from disk: writes what the model writes here, is stopped, goes on, and shows what text it is as text", async () => {
  const page = await open("text", tokenizer, { locale: "en-US", viewport: { width: 1440, height: 900 } });
  await page.getByRole("heading", { name: hostile }).waitFor();
  expect(await page.title()).toBe(hostile);
  await page.getByRole("textbox", { name: "Beginning" }).fill("One day");
  await page.getByRole("slider", { name: "Temperature" }).fill("0");
  const button = page.getByRole("button", { name: "Write", exact: true });
  await button.click();
  await page.getByText("That is as far as it writes at once. 256 tokens").waitFor();
  const { text } = await generateText(model, tokenizer, "One day", { temperature: 0 });
  expect(await written(page)).toBe(`One day${text}`);
  expect(await violationsIn(page)).toEqual([]);

  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("Stopped.").waitFor();
  const more = await written(page);
  expect(more.startsWith(`One day${text}`)).toBe(true);
  await page.getByRole("textbox", { name: "Beginning" }).fill("");
  await button.click();
  await page.getByRole("alert").getByText("The model needs a beginning.").waitFor();
});

test("在手机上，深色：聊天；超出上下文的消息退回", async () => {
  const template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
  const chatting = tokenizerFromFiles(tokenizerFiles(tokenizer).set("chat_template.jinja", template));
  const page = await open("chat", chatting, { locale: "zh-CN", colorScheme: "dark", viewport: { width: 360, height: 740 } });
  await page.getByRole("slider", { name: "温度" }).fill("0");
  const message = page.getByRole("textbox", { name: "消息" });
  await page.getByText("已就绪").waitFor();
  await message.fill("一天");
  await message.press("Enter");
  await page.getByText(/个词元，每秒/).waitFor();
  let answer = "";
  for await (const { text } of streamChat(model, chatting, [{ role: "user", content: "一天" }], { temperature: 0 })) answer += text;
  expect(await written(page)).toBe(answer);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  expect(await violationsIn(page)).toEqual([]);

  await message.fill("hen ".repeat(400));
  await message.press("Enter");
  await page.getByText("文本超出了模型一次能读的长度。").waitFor();
  expect(await message.inputValue()).toContain("hen hen");
  expect(await page.getByRole("listitem").count()).toBe(2);
  await page.getByRole("button", { name: "新对话" }).click();
  expect(await page.getByRole("listitem").count()).toBe(0);
});

test("says of a file of which the end is missing that it is incomplete", async () => {
  const page = await open("half", tokenizer, { locale: "en-US" }, htmlFile(model, tokenizer, { dtype: "f32" }).byteLength - 1000);
  await page.getByRole("alert").getByText("The file is incomplete.").waitFor();
  expect(await page.getByRole("button", { name: "Write" }).isDisabled()).toBe(true);
});

test("says of a browser without WebAssembly that it cannot run the model", async () => {
  const old = await launch(["--disable-gpu", "--js-flags=--jitless"]);
  onTestFinished(() => old.close());
  const page = await old.newPage({ locale: "en-US" });
  await page.goto(await write("old", tokenizer));
  await page.getByRole("alert").getByText("This browser cannot run the model: it has no WebAssembly with SIMD.").waitFor({ timeout: patience });
});
