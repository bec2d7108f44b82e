import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { resultOf } from "@gpt/config/browser";
import { isolation, whileServing } from "@gpt/config/static-server";
import { build } from "tsup";
import { describe, expect, test } from "vitest";
import { casesOf, titleOf } from "./report.ts";
import type { Report } from "./report.ts";
import type { Setup } from "./setup.ts";

/** How long the suite may take, in milliseconds. */
const timeout = 600_000;

/** Runs the suite in a process of Node that is started with these flags, in this environment. */
export async function reportOfNode(
  setup: Setup,
  { flags = [], env }: { flags?: readonly string[]; env?: NodeJS.ProcessEnv },
): Promise<Report> {
  const args = [...flags, "--conditions=@gpt/source", join(import.meta.dirname, "in-node.ts"), JSON.stringify(setup)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout });
  return JSON.parse(stdout) as Report;
}

/**
 * Runs the suite in Chromium that is started with these flags, in a page that is cross-origin isolated or in a Worker of
 * one.
 */
export async function reportOfChromium(
  setup: Setup,
  { thread, flags }: { thread: "page" | "worker"; flags?: readonly string[] },
): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "gpt-conformance-"));
  try {
    await build({
      entry: ["in-page", "in-worker"].map((name) => join(import.meta.dirname, `${name}.ts`)),
      outDir: directory,
      format: "esm",
      target: "es2023",
      platform: "browser",
      config: false,
      silent: true,
    });
    const page = '<!doctype html><link rel="icon" href="data:," /><script type="module" src="in-page.js"></script>';
    await writeFile(join(directory, "index.html"), page);
    const parameters = new URLSearchParams({ setup: JSON.stringify(setup), thread });
    const open = (url: string): Promise<unknown> => resultOf(`${url}?${parameters.toString()}`, { flags, timeout });
    return (await whileServing(directory, open, isolation)) as Report;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A test for each case of the suite, which is run elsewhere, once for all of them, when tests are collected. */
export function describeReport(title: string, setup: Setup, run: (setup: Setup) => Promise<Report>): void {
  describe(title, async () => {
    const report = await run(setup).catch((error: unknown) => {
      test("starts", () => Promise.reject(error as Error));
    });
    if (!report) return;
    test("runs all its cases", () => {
      expect(report.cases.map(({ title }) => title)).toEqual(casesOf(setup, report.capabilities).map(titleOf));
    });
    test.each(report.cases)("$title", ({ problem }) => expect(problem).toBeUndefined());
  });
}
