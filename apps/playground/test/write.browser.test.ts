import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateText } from "@gpt/generate";
import { chatPrompt } from "@gpt/generate/chat";
import { GPT } from "@gpt/gpt";
import { loadModel, saveModel } from "@gpt/gpt/node";
import { isolation } from "@gpt/testing/static-server";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { tokenizerFiles, trainBPE } from "@gpt/tokenizer";
import { plainChatTemplate } from "@gpt/tokenizer/chat";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { BuiltPage } from "./built-page.ts";
import { drop } from "./drop.ts";
import { chip, eventually, expectAccessible } from "./expectations.ts";

let built: BuiltPage;
beforeAll(async () => (built = await BuiltPage.copy()));
afterAll(() => built?.close());

const textOf = (page: Page): Promise<string> => page.getByRole("listbox").innerText();
const candidate = (page: Page): Locator => page.locator("button.candidate");
/** What is said at the end, but not the region that screen readers hear it by. */
const ended = (page: Page, text: string): Locator => page.getByRole("main").getByText(text);

test("writes what the model writes in Node; a token's alternatives; a branch, and the way back; no beginning, and one too long", async () => {
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } });
  await page.getByRole("link", { name: "Write" }).click();
  await page.getByText(/^(\d+) of \1 tokens can be drawn/).waitFor();
  await page.getByRole("textbox", { name: "Seed" }).fill("7");
  await page.getByRole("slider", { name: "Tokens at most" }).fill("30");
  await page.getByRole("button", { name: "Write", exact: true }).click();
  await ended(page, "All tokens that were asked for are written. · Seed 7").waitFor();

  const file = join(built.folder, "models/stories.gguf");
  useBackend(await wasm());
  const [model, tokenizer] = [await loadModel(file), await loadTokenizer(file)];
  const options = { temperature: 0.8, maxTokens: 30, seed: 7 };
  const { text, tokens } = await generateText(model, tokenizer, "Once there was a", options);
  const written = await textOf(page);
  expect(written.replaceAll("↵\n", "\n")).toBe(`Once there was a${text}`);
  const shown = page.getByRole("option");
  expect(await shown.count()).toBe(tokens.length + tokenizer.encode("Once there was a").length);
  expect(await shown.last().getAttribute("aria-label")).toMatch(/ [\d<>].*%$/);
  await expectAccessible(page);

  await page.getByRole("slider", { name: "Top-k" }).fill("1");
  await page.getByText(/^1 of \d+ tokens can be drawn/).waitFor();
  expect(await candidate(page).first().innerText()).toMatch(/after the controls\s*100%/);

  await page.getByRole("listbox").focus();
  for (const key of ["End", "ArrowLeft"]) await page.keyboard.press(key);
  await page.locator("ul:not(.old) .candidate[aria-current]").waitFor();
  const index = (await shown.count()) - 2;
  const name = await candidate(page).nth(1).locator(".name").innerText();
  await page.keyboard.press("Enter");
  for (const key of ["Tab", "Enter"]) await page.keyboard.press(key);
  await eventually(() => page.getByRole("radio").count()).toBe(2);
  await ended(page, "Seed 7").waitFor();
  expect(await shown.nth(index).innerText()).toBe(name.replace("·", " ").trimEnd());
  await page.getByRole("radio").first().check();
  await eventually(() => textOf(page)).toBe(written);

  await page.getByRole("textbox", { name: "Beginning" }).fill("fox ".repeat(300));
  await page.getByText("The text is longer than what the model reads at once.").waitFor();
  await page.getByRole("textbox", { name: "Beginning" }).fill("");
  await candidate(page).first().waitFor();
  await page.getByRole("button", { name: "Write", exact: true }).click();
  await ended(page, "· Seed 7").waitFor();
  await page.getByRole("option", { name: /endoftext/ }).first().click();
  await page.getByText("Nothing stands before the first token").waitFor();
});

test("in 简体中文, dark, on a phone: stopped, and continued", async () => {
  const page = await built.open({}, { locale: "zh-CN", colorScheme: "dark", viewport: { width: 360, height: 740 } });
  await page.getByRole("link", { name: "写作" }).click();
  await candidate(page).first().waitFor();
  await page.getByRole("slider", { name: "最多词元数" }).fill("256");
  // Stopped before the model has begun.
  expect(await page.evaluate(async () => {
    const button = (): HTMLElement => document.querySelector("main .main-button")!;
    const name = button().innerText;
    button().click();
    while (button().innerText === name) await Promise.resolve();
    button().click();
    while (document.querySelector("main .main-button")!.textContent === "停止") await new Promise(requestAnimationFrame);
    return document.querySelectorAll(".written .token:not(.given)").length;
  })).toBe(0);
  const stoppedAfter = await page.evaluate(async () => {
    const press = (): void => document.querySelector<HTMLElement>("main .main-button")!.click();
    const shown = (): number => document.querySelectorAll(".written .token:not(.given)").length;
    press();
    while (shown() === 0) await new Promise(requestAnimationFrame);
    press();
    return shown();
  });
  await ended(page, "已停止。").waitFor();
  const count = await page.getByRole("option").count();
  expect(stoppedAfter).toBeLessThan(200);
  expect(count).toBeLessThan(250);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  await expectAccessible(page);
  await page.getByRole("button", { name: "继续" }).click();
  await eventually(() => page.getByRole("option").count()).toBeGreaterThan(count);
});

test("an address reproduces the screen and its settings, as far as they can be; it follows what changes, and is shared", async () => {
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 820, height: 900 }, permissions: ["clipboard-read", "clipboard-write"] });
  await page.evaluate(() => (location.hash = "#write?prompt=There+was&temperature=0.4&topK=7.2&minP=9&topP=many&maxTokens=1e300&seed=12x&unknown=1"));
  const slider = (name: string): Promise<string> => page.getByRole("slider", { name }).inputValue();
  expect(await page.getByRole("textbox", { name: "Beginning" }).inputValue()).toBe("There was");
  expect([await slider("Temperature"), await slider("Top-k"), await slider("Min-p"), await slider("Tokens at most")]).toEqual(["0.4", "7", "0", "100"]);
  const at = (): string => new URL(page.url()).hash;
  await eventually(at).toBe("#write?prompt=There+was&temperature=0.4&topK=7&seed=12");
  await page.getByRole("slider", { name: "Temperature" }).fill("0.8");
  await page.getByRole("textbox", { name: "Beginning" }).fill("é & ü");
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${page.url().split("#")[0]}#write?prompt=%C3%A9+%26+%C3%BC&topK=7&seed=12`);
  await eventually(at).toBe("#write?prompt=%C3%A9+%26+%C3%BC&topK=7&seed=12");
  await page.reload();
  expect(await page.getByRole("textbox", { name: "Beginning" }).inputValue()).toBe("é & ü");
});

test("where a visitor goes counts, though the page was about to write the address of what it shows", async () => {
  const page = await built.open(isolation, { locale: "en-US" }, "#inside");
  await page.getByRole("textbox").first().waitFor();
  await page.evaluate(async () => {
    const { setTimeout } = globalThis;
    let write: (() => void) | undefined;
    const heard = new Promise((resolve) => addEventListener("hashchange", resolve, { once: true }));
    // The timer of the address runs out before its event is heard.
    Object.assign(globalThis, { setTimeout: (work: () => void, time: number) => (time === 300 ? (write = work, 0) : setTimeout(work, time)) });
    location.hash = "#tokens";
    await heard;
    await new Promise((resolve) => setTimeout(resolve, 50));
    location.hash = "#write";
    write!();
    Object.assign(globalThis, { setTimeout });
  });
  await page.getByRole("heading", { name: "A GPT writes token by token" }).waitFor();
  expect(new URL(page.url()).hash).toBe("#write");
});

test("chats by the template of a model that has one: what the model reads is shown; a second answer; the chat goes on, and begins anew", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gpt-chat-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  useBackend(await wasm());
  const tokenizer = await trainBPE(["to be or not to be, that is the question"], { vocabSize: 280, specialTokens: ["<|endoftext|>"] });
  const model = new GPT({ vocabSize: tokenizer.vocabSize, contextLength: 256, layers: 1, heads: 2, dim: 32, initialStd: 0.5 }, { seed: 1 });
  await saveModel(model, folder, { extraFiles: { ...Object.fromEntries(tokenizerFiles(tokenizer)), "chat_template.jinja": plainChatTemplate } });

  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } }, "#write?maxTokens=8&temperature=0&mode=chat");
  await chip(page, /Computes on: CPU/).waitFor();
  expect(await page.getByRole("radio", { name: "Chat" }).count()).toBe(0);
  await drop(page, folder);
  await page.getByRole("radio", { name: "Chat" }).waitFor();
  await page.keyboard.press("Escape");
  const message = page.getByRole("textbox", { name: "Message" });
  await message.fill("To be?");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Another answer" }).click();
  await eventually(() => page.locator(".branches input").count()).toBe(2);
  await eventually(() => message.isEnabled()).toBe(true);
  await page.getByRole("button", { name: "Send" }).waitFor();
  const read = chatPrompt([{ role: "user", content: "To be?" }], { tokenizer, template: plainChatTemplate });
  const given = page.locator(".written .token.given");
  expect(await given.count()).toBe(read.ids.length);
  const answer = await page.locator(".written .token:not(.given)").count();
  expect(answer).toBe(8);
  await expectAccessible(page);
  await message.fill("Or not?");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("button", { name: "Stop" }).waitFor({ state: "detached" });
  expect(await given.count()).toBeGreaterThan(read.ids.length + answer);
  expect(await textOf(page)).toMatch(/^user↵\s+To be\?.*user↵\s+Or not\?.*assistant/s);
  await page.getByRole("button", { name: "New chat" }).click();
  await page.getByText("The model reads the whole chat as one text").waitFor();
  expect(await message.evaluate((element) => element === document.activeElement)).toBe(true);
});
