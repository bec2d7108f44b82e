import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { generateText } from "@gpt/generate";
import { loadModel } from "@gpt/gpt/node";
import { gpt } from "@gpt/testing/gpt-command";
import { Hub } from "@gpt/testing/hub";
import { isolation } from "@gpt/testing/static-server";
import { entriesOf } from "@gpt/testing/zip";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { loadTokenizer } from "@gpt/tokenizer/node";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { BuiltPage } from "./built-page.ts";
import { chip, eventually, expectAccessible } from "./expectations.ts";

let built: BuiltPage;
beforeAll(async () => (built = await BuiltPage.copy()));
afterAll(() => built?.close());

/** A run of a few seconds. */
async function makeSmall(page: Page, names: { settings: string; context: string; width: string; batch: string; steps: string }, steps: string): Promise<void> {
  await page.getByText(names.settings).click();
  for (const [name, value] of [[names.context, "32"], [names.width, "32"], [names.batch, "2"], [names.steps, steps]]) {
    await page.getByRole("slider", { name, exact: true }).fill(value);
  }
}

const english = { settings: "All settings", context: "Context", width: "Width", batch: "Windows a step", steps: "Steps" };

/** The step that the line under the buttons tells. */
async function stepOf(page: Page): Promise<number> {
  const [, step] = /(?:Step|第) ([\d,]+)/.exec(await page.locator(".facts-line").innerText()) ?? [];
  return step === undefined ? -1 : Number(step.replace(",", ""));
}

const focused = (page: Page): Promise<string | null | undefined> => page.evaluate(() => document.activeElement?.textContent);

/** Empties the models of a run's checkpoints. */
async function damage(page: Page, run: string): Promise<void> {
  await page.evaluate(async (path) => {
    let folder = await navigator.storage.getDirectory();
    for (const name of path) folder = await folder.getDirectoryHandle(name);
    for await (const checkpoint of folder.values()) {
      const model = await (checkpoint as FileSystemDirectoryHandle).getFileHandle("model.safetensors");
      await (await model.createWritable()).close();
    }
  }, ["gpt-runs", run, "checkpoints"]);
}

/** Downloads an archive, and unpacks it; gives the folder. */
async function unpacked(page: Page, button: string): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: button }).click()]);
  const folder = await mkdtemp(join(tmpdir(), "gpt-run-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [path, content] of entriesOf(await readFile(await download.path()))) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

test("trains, waits, goes on at another rate; after a reload from where it was saved, and not in two tabs; is taken to Node, written with, deleted", async () => {
  const hub = await Hub.start({});
  onTestFinished(() => hub.close());
  hub.intercept = () => true; // It never answers.
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } }, "", hub);
  await page.getByRole("link", { name: "Train" }).click();
  await makeSmall(page, english, "600");
  await eventually(() => page.locator(".setup .facts dd").first().innerText()).toMatch(/^\d{2,3},\d{3}$/);
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByRole("img", { name: /^Embedding: .*Norm and head: / }).waitFor();
  expect(await focused(page)).toBe("Pause");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused. Nothing is lost").waitFor();
  await page.getByRole("slider", { name: "Learning rate now" }).fill("-2");
  await page.getByRole("button", { name: "Go on" }).first().click();
  await page.getByText(/× 0\.25 = 0\.0/).waitFor();
  await page.getByRole("img", { name: /^Most: “/ }).waitFor();
  await page.getByText(/saved at step (?!0$)\d/).waitFor();

  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.getByText("in use").waitFor();
  await other.close();

  const before = await stepOf(page);
  await page.reload();
  const offer = page.getByText(/^stories-1 stopped at step \d+ of 600\.$/);
  await offer.waitFor();
  const [, saved] = /step (\d+)/.exec(await offer.innerText())!;
  // At most an interval is lost, which is a twenty-fourth.
  expect(Number(saved)).toBeGreaterThanOrEqual(before - 25);
  const late = await page.context().newPage();
  await late.goto(page.url());
  await late.locator(".offer button:enabled").waitFor();
  await page.locator(".offer button:enabled").click();
  await page.locator(".facts-line strong").waitFor();
  expect(await stepOf(page)).toBeGreaterThanOrEqual(Number(saved));
  await late.locator(".offer button").click();
  await late.getByText("This run is in use, perhaps in another tab.").waitFor();
  await late.close();
  await page.getByRole("main").getByText("Done. stories-1 is kept in this browser.").waitFor();
  expect(await stepOf(page)).toBe(600);
  await expectAccessible(page);

  const sample = (await page.locator(".written").innerText()).trim();
  const model = join(await unpacked(page, "Model (zip)"), "stories-1");
  useBackend(await wasm());
  const [loaded, tokenizer] = [await loadModel(model), await loadTokenizer(model)];
  const { text } = await generateText(loaded, tokenizer, "\n\n", { maxTokens: 24, temperature: 0.7, seed: 1 });
  expect(text.trim()).toBe(sample);
  const run = join(await unpacked(page, "Run (zip)"), "stories-1");
  const texts = ["--data", join(run, "train.txt"), "--validation", join(run, "validation.txt")];
  const done = (await gpt("train", "--resume", "--allow-changes", "--out", run, ...texts, "--json")).trim().split("\n").at(-1)!;
  expect(JSON.parse(done)).toMatchObject({ done: true, step: 600 });

  await chip(page, "Model: Stories").click();
  await page.getByRole("textbox", { name: "Name on the hub" }).fill("toys/slow");
  await page.keyboard.press("Enter");
  await page.getByRole("progressbar", { name: "Opening toys/slow" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Write with it" }).click();
  await page.getByRole("heading", { name: "A GPT writes token by token" }).waitFor();
  // What was on its way is given up.
  await page.locator(".chip .dot.ready").nth(1).waitFor();
  expect(await page.getByRole("main").evaluate((main) => [main === document.activeElement, scrollY])).toEqual([true, 0]);
  await eventually(() => chip(page, /^Model/).innerText()).toContain("stories-1");
  await page.getByRole("button", { name: "Write", exact: true }).click();
  await page.getByRole("main").getByText(/· Seed \d+/).waitFor();
  await damage(page, "stories-1");
  await page.getByRole("link", { name: "Train" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).dblclick();
  await page.getByRole("button", { name: "Delete for good?" }).click();
  await page.getByText("None yet.").waitFor();
  expect(await focused(page)).toBe("Runs in this browser");
  await page.getByRole("main").getByText("is kept in this browser").waitFor({ state: "detached" });
});

test("in 简体中文, dark, on a phone, on one thread: a text of one's own, too short, then long enough; stopped, and compared", async () => {
  const page = await built.open({}, { locale: "zh-CN", colorScheme: "dark", viewport: { width: 390, height: 844 } });
  await page.getByRole("link", { name: "训练" }).click();
  await makeSmall(page, { settings: "全部设置", context: "上下文", width: "宽度", batch: "每步窗口数", steps: "步数" }, "2000");
  await page.getByRole("radio", { name: "自己的文本" }).check();
  // There is no text to plan with yet.
  await page.locator(".setup .facts").waitFor({ state: "detached" });
  await page.getByRole("radio", { name: "字符", exact: true }).check();
  await page.getByRole("textbox", { name: "你的文本" }).fill("白日依山尽");
  await page.getByRole("textbox", { name: "你的文本" }).blur();
  await page.getByText("粘贴的文本：5 个字符").waitFor();
  await page.getByRole("button", { name: "开始" }).click();
  await page.getByText("文本对此上下文长度来说太短。").waitFor();
  await page.locator("input[type=file]").setInputFiles({ name: "诗.txt", mimeType: "text/plain", buffer: Buffer.from("白日依山尽，黄河入海流。欲穷千里目，更上一层楼。\n".repeat(60)) });
  await page.getByText(/诗\.txt：1,500 个字符/).waitFor();
  await page.getByRole("button", { name: /开始|再训练一个/ }).click();
  await eventually(() => stepOf(page)).toBeGreaterThan(10);
  await page.getByRole("button", { name: "停止并保留" }).click();
  await page.getByRole("main").getByText("已停止。own-1 已保存，可以继续训练。").waitFor();
  expect(await focused(page)).toBe("再训练一个");
  // It is checked once the run's history has been read.
  await page.getByRole("checkbox", { name: "比较 own-1" }).click();
  await page.getByRole("checkbox", { name: "比较 own-1", checked: true }).waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await expectAccessible(page);
});

test("where the browser gives no more storage, that is said, training goes on, and the model is written with and taken along from memory", async () => {
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } }, "#train?layers=12&dim=512&contextLength=512&batchSize=32");
  await page.getByText("That is more than the 4.29 GB there is room for here.").waitFor();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: new URL(page.url()).origin, quotaSize: 20_000 });
  await makeSmall(page, english, "100");
  await page.getByRole("slider", { name: "Blocks", exact: true }).fill("2");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.getByText("Not saved: the browser gives no storage for it.").waitFor();
  await page.getByRole("main").getByText("Ended. This browser could not keep it.").waitFor();
  await page.getByRole("alert").getByText("The browser gives no storage for it.").waitFor();
  expect(await stepOf(page)).toBe(100);
  await page.getByText("stories-1 as it is after step 100 is in memory only").waitFor();
  page.once("dialog", (dialog) => void dialog.dismiss());
  await page.getByRole("button", { name: "Train another" }).click();
  useBackend(await wasm());
  const { config } = await loadModel(join(await unpacked(page, "Model (zip)"), "stories-1"));
  expect([config.contextLength, config.dim]).toEqual([32, 32]);
  await page.locator(".offer").getByRole("button", { name: "Write with it" }).click();
  await eventually(() => chip(page, /^Model/).innerText()).toContain("stories-1");
  await page.locator("button.candidate").first().waitFor();
});

// On an idle machine no task takes 50 ms, which `npm run bench -- playground` shows.
test.runIf(process.env.GPT_VERIFY === "1")("on one thread, training and drawing leave the page's main thread to the visitor", async () => {
  const page = await built.open({}, { locale: "en-US", viewport: { width: 1440, height: 900 } }, "#train?steps=200");
  await page.getByRole("button", { name: "Start", exact: true }).waitFor();
  await page.locator(".chip .dot.ready").nth(1).waitFor();
  await page.evaluate(() => {
    const tasks: number[] = [];
    Object.assign(globalThis, { tasks });
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
  });
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.getByRole("main").getByText("Done. stories-1 is kept in this browser.").waitFor();
  const tasks = await page.evaluate(() => (globalThis as unknown as { readonly tasks: readonly number[] }).tasks);
  expect(Math.max(0, ...tasks)).toBeLessThan(200);
});
