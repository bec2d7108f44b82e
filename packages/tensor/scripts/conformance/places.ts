import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { resultInChromium } from "../chromium.ts";
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
  const scripts = ["in-page", "in-worker"].map((name) => join(import.meta.dirname, `${name}.ts`));
  return (await resultInChromium(scripts, { setup: JSON.stringify(setup), thread }, { flags, timeout })) as Report;
}

/** A problem that some cases may have. */
export interface Refusal {
  readonly problem: RegExp;
  /** How many cases have it. */
  readonly count: number;
}

/**
 * A test for each case of the suite, which is run elsewhere, once for all of them, when tests are collected. No case has a
 * problem but what is refused.
 */
export function describeReport(
  title: string,
  setup: Setup,
  run: (setup: Setup) => Promise<Report>,
  refusal?: Refusal,
): void {
  describe(title, async () => {
    const report = await run(setup).catch((error: unknown) => {
      test("starts", () => Promise.reject(error as Error));
    });
    if (!report) return;
    test("runs all its cases", () => {
      expect(report.cases.map(({ title }) => title)).toEqual(casesOf(setup, report.capabilities).map(titleOf));
    });
    const refused = report.cases.filter(({ problem }) => problem !== undefined && refusal?.problem.test(problem));
    if (refusal) test("refuses what it must, and no more", () => expect(refused).toHaveLength(refusal.count));
    const others = report.cases.filter((subject) => !refused.includes(subject));
    test.each(others)("$title", ({ problem }) => expect(problem).toBeUndefined());
  });
}
