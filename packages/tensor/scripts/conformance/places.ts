import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { resultOf } from "@gpt/config/browser";
import { isolation, whileServing } from "@gpt/config/static-server";
import { build } from "tsup";
import { describe, expect, test } from "vitest";
import { conformanceCases } from "../../src/testing/index.ts";
import { titleOf } from "./report.ts";
import type { Report, Setup } from "./report.ts";

/** How long the suite may take, in milliseconds. */
const timeout = 300_000;

/** Runs the suite in a process of Node that is started with these flags. */
export async function reportOfNode(setup: Setup, flags: readonly string[]): Promise<Report> {
  const args = [...flags, "--conditions=@gpt/source", join(import.meta.dirname, "in-node.ts"), JSON.stringify(setup)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout });
  return JSON.parse(stdout) as Report;
}

/** Runs the suite in Chromium, in a page that is cross-origin isolated or in a Worker of one. */
export async function reportOfChromium(setup: Setup, thread: "page" | "worker"): Promise<Report> {
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
    const open = (url: string): Promise<unknown> => resultOf(`${url}?${parameters.toString()}`, { timeout });
    return (await whileServing(directory, open, isolation)) as Report;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A test for each case of the suite, which is run elsewhere, once for all of them, when tests are collected. */
export function describeReport(title: string, run: () => Promise<Report>): void {
  describe(title, async () => {
    const report = await run().catch((error: unknown) => {
      test("starts", () => Promise.reject(error as Error));
    });
    if (!report) return;
    test("runs every case", () => {
      expect(report.cases.map((subject) => subject.title)).toEqual(conformanceCases().map(titleOf));
    });
    test.each(report.cases)("$title", ({ problem }) => expect(problem).toBeUndefined());
  });
}
