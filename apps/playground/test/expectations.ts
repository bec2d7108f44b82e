import { violationsIn } from "@gpt/testing/accessibility";
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { patience } from "./built-page.ts";

export const chip = (page: Page, name: string | RegExp): Locator => page.getByRole("button", { name });

export const eventually: typeof expect.poll = (read) => expect.poll(read, { timeout: patience });

export async function expectAccessible(page: Page): Promise<void> {
  expect(await violationsIn(page)).toEqual([]);
}
