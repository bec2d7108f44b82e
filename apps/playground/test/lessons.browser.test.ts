import { isolation } from "@gpt/testing/static-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BuiltPage } from "./built-page.ts";
import { eventually, expectAccessible } from "./expectations.ts";

let built: BuiltPage;
beforeAll(async () => (built = await BuiltPage.copy()));
afterAll(() => built?.close());

test("lessons lead over the screens from the first step to the last; an address opens one", async () => {
  const page = await built.open(isolation, { locale: "en-US", viewport: { width: 1440, height: 900 } });
  await page.getByRole("button", { name: "Lessons" }).click();
  const panel = page.getByRole("complementary");
  await expectAccessible(page);
  const headings = await panel.locator("li b").allInnerTexts();
  await panel.getByRole("button", { name: headings[0] }).click();
  await page.locator("main").getByRole("textbox", { name: "Text" }).waitFor();
  expect(await page.locator("main").getByRole("textbox", { name: "Text" }).inputValue()).toBe("The cat sat. The unbelievable cat sat.");
  await page.getByRole("option", { name: /unbeliev/ }).first().waitFor();
  const visited: string[] = [];
  const next = panel.getByRole("button", { name: /^Next/ });
  for (;;) {
    const heading = await panel.getByRole("heading").innerText();
    visited.push(heading);
    if (heading === "From GPT-1 to experts") await panel.getByText("175B parameters, 96 blocks").waitFor();
    const address = new URL(page.url()).hash;
    if ((await next.count()) === 0) break;
    await next.click();
    await eventually(() => new URL(page.url()).hash).not.toBe(address);
  }
  expect([...new Set(visited)]).toEqual(headings);
  await expectAccessible(page);
  await page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
  await panel.getByRole("button", { name: "Done" }).click();
  await panel.waitFor({ state: "detached" });
});

test("in 简体中文, dark, on a phone: a lesson by its address, below the screen", async () => {
  const page = await built.open({}, { locale: "zh-CN", colorScheme: "dark", viewport: { width: 390, height: 800 } });
  await page.evaluate(() => (location.hash = "#write?temperature=0&lesson=sampling.1"));
  await page.getByRole("complementary").getByRole("heading", { name: "抽取一个词元" }).waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await expectAccessible(page);
  await page.getByRole("complementary").getByRole("button", { name: "全部课程" }).click();
  expect(await page.getByRole("complementary").getByRole("listitem").count()).toBe(6);
});
