import { gpuFlags } from "@gpt/testing/gpu";
import { isolation } from "@gpt/testing/static-server";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BuiltPage } from "./built-page.ts";
import { chip, eventually } from "./expectations.ts";

let built: BuiltPage;
beforeAll(async () => (built = await BuiltPage.copy(gpuFlags)));
afterAll(() => built?.close());

/** Selects the GPU: the page does not select SwiftShader, which computes on the CPU, by itself. */
async function computeOnGpu(page: Page): Promise<void> {
  await chip(page, /Computes on: CPU/).click();
  await page.getByRole("radio", { name: "GPU (WebGPU)" }).check();
  await chip(page, /Computes on: GPU/).waitFor();
  await page.keyboard.press("Escape");
}

/** What the likeliest tokens make. */
async function write(page: Page): Promise<string> {
  await page.getByRole("button", { name: /^Write( another)?$/ }).click();
  await page.getByRole("main").getByText("All tokens that were asked for are written.").waitFor();
  return page.getByRole("listbox").innerText();
}

test("a GPU is chosen, and the model says on it what it says on the CPU", async () => {
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } }, "#write?prompt=Once+there+was+a&temperature=0&maxTokens=12");
  await computeOnGpu(page);
  const onGpu = await write(page);
  await chip(page, /Computes on: GPU/).click();
  await page.getByRole("radio", { name: "CPU, one core" }).check();
  await chip(page, /Computes on: CPU/).waitFor();
  await page.keyboard.press("Escape");
  await eventually(() => page.getByRole("button", { name: "Write another" }).isEnabled()).toBe(true);
  expect(await write(page)).toBe(onGpu);
});

test.runIf(process.env.GPT_VERIFY === "1")("it is looked inside, and activations are patched", async () => {
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } });
  const likeliest = page.getByRole("main").getByText(/^>?\d+(\.\d+)?%$/).first();
  await likeliest.waitFor();
  const onCpu = await likeliest.textContent();
  await computeOnGpu(page);
  await likeliest.waitFor();
  expect(await likeliest.textContent()).toBe(onCpu);
  await page.getByRole("button", { name: "Patch" }).click();
  await page.getByText("7 of 7 rows").waitFor();
  await page.getByText("+99.6%").first().waitFor();
});

test.runIf(process.env.GPT_VERIFY === "1")("a GPU that is lost takes the model along: that is said, and the engine starts again", async () => {
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } }, "#write?prompt=Once+there+was+a&maxTokens=200");
  await computeOnGpu(page);
  await page.getByRole("button", { name: "Write", exact: true }).click();
  await page.locator(".written .token:not(.given)").first().waitFor();
  const devtools = await page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
  process.kill(processInfo.find(({ type }) => type === "GPU")!.id, "SIGKILL");
  await page.getByRole("main").getByText("The GPU was lost, and what was on it with it.").first().waitFor();
  await chip(page, /Computes on/).click();
  await page.getByRole("button", { name: "Start again" }).click();
  await chip(page, /Computes on: (GPU|CPU)/).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Write( another)?$/ }).click();
  await eventually(() => page.getByRole("main").getByRole("radio").count()).toBe(2);
  await page.locator(".written .token:not(.given)").first().waitFor();
});

// In software these take a minute each.
test.runIf(process.env.GPT_VERIFY === "1")("a model is trained on it, kept, and opened in Write", async () => {
  const page = await built.open(isolation, { locale: "zh-CN", viewport: { width: 1440, height: 900 } }, "#train?steps=100&layers=1&heads=2&dim=32&contextLength=32&batchSize=2");
  await chip(page, /计算位置: CPU/).click();
  await page.getByRole("radio", { name: "GPU（WebGPU）" }).check();
  await chip(page, /计算位置: GPU/).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "开始", exact: true }).click();
  await page.getByRole("main").getByText(/stories-1.*已保存/).first().waitFor();
  await page.getByRole("button", { name: "用它写作" }).click();
  await chip(page, /stories-1/).waitFor();
  await page.locator("button.candidate").first().waitFor();
  await chip(page, /计算位置: GPU/).waitFor();
});

test.runIf(process.env.GPT_VERIFY === "1")("a model is tuned on it, and another backend is not taken before what was learnt is let go", async () => {
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } });
  await computeOnGpu(page);
  await page.evaluate(() => (location.hash = "#tune?method=head&epochs=3"));
  await page.getByRole("button", { name: "Take an example" }).click();
  await page.getByText("in 18 steps").waitFor();
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("Done · Step 18 of 18").waitFor();
  await page.getByRole("textbox", { name: "A text to classify" }).fill("I love this.");
  await page.locator(".probabilities li").nth(1).waitFor();
  await chip(page, /Computes on: GPU/).click();
  page.once("dialog", (dialog) => void dialog.dismiss());
  await page.getByRole("radio", { name: "CPU, one core" }).click();
  expect(await page.getByRole("radio", { name: "GPU (WebGPU)" }).isChecked()).toBe(true);
  await page.keyboard.press("Escape");
  await page.getByText("Done · Step 18 of 18").waitFor();
  expect(await chip(page, /Computes on: GPU/).count()).toBe(1);
});
