import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Opener, Place } from "./places.ts";
import { casesOf, kernelsOf } from "./runner.ts";
import type { Finding, Kernel } from "./runner.ts";
import type { Setup } from "./setup.ts";

/** What a device may refuse: the problem that such cases have, and the cases, as `kernel: name`. */
export interface Refusals {
  readonly problem: RegExp;
  readonly cases: readonly string[];
}

/**
 * One test for each kernel: it runs all cases about that kernel and lists what is wrong. The place is opened when the first
 * test runs, so that a filter by name (`-t matmul`) runs that kernel alone.
 */
export function describeConformance(title: string, setup: Setup, open: Opener, refusals?: Refusals): void {
  describe(title, () => {
    let place: Place | undefined;
    beforeAll(async () => {
      place = await open(setup);
    });
    afterAll(() => place?.close());

    test.each(kernelsOf(setup))("%s", async (kernel) => {
      if (!place) throw new Error("the suite was not started");
      const findings = await place.run(kernel);
      expect(findings.map(({ name }) => name)).toEqual(casesOf(setup, place.capabilities, kernel).map(({ name }) => name));
      const problems = findings.flatMap((finding) => problemIn(kernel, finding, refusals));
      expect(problems, `${problems.length} of ${findings.length} cases:\n${problems.join("\n")}`).toEqual([]);
    });
  });
}

function problemIn(kernel: Kernel, { name, problem }: Finding, refusals?: Refusals): string[] {
  const mustBeRefused = refusals?.cases.includes(`${kernel}: ${name}`) ?? false;
  const isRefused = problem !== undefined && (refusals?.problem.test(problem) ?? false);
  if (mustBeRefused && !isRefused) return [`${name}: was not refused, but ${problem ?? "passed"}`];
  return problem === undefined || mustBeRefused ? [] : [problem];
}
