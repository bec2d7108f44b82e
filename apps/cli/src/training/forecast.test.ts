import { cpu } from "@gpt/tensor/cpu";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Output } from "../output.ts";
import { Forecast } from "./forecast.ts";

let written: { stdout: string; stderr: string };
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += String(text);
      return true;
    });
  }
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("says once, behind the first step, how long all steps of this process take, and the memory of process and plan", async () => {
  const backend = await cpu();
  const forecast = new Forecast(new Output({ json: true }), backend, 5e9);
  const take = (from: number, to: number, milliseconds: number): void => {
    for (let step = from; step <= to; step++) {
      vi.advanceTimersByTime(milliseconds);
      forecast.onStep({ step, steps: 110 });
    }
  };
  take(11, 11, 90_000); // The first one warms up.
  take(12, 20, 100); // Too short to tell.
  expect(written.stderr).toBe("");
  take(21, 30, 100);
  expect(written.stderr).toMatch(/^100 steps in about 10 s, evaluations aside; 5\.\d\d GB of memory\n$/);
  const { memoryBytes, ...times } = JSON.parse(written.stdout) as Record<string, number>;
  expect(times).toEqual({ steps: 100, seconds: expect.closeTo(10, 6) as number });
  expect(memoryBytes).toBeGreaterThan(5e9 + process.memoryUsage().rss / 2);
});

test("what a GPU computes is timed by events, and takes the GPU's memory", async () => {
  const forecast = new Forecast(new Output({}), { ...(await cpu()), adapter: "some GPU" }, 5e9);
  for (let step = 10; step <= 50; step += 10) {
    vi.advanceTimersByTime(60_000);
    for (let i = 0; i < 10; i++) forecast.onStep({ step: step - i, steps: 1000 });
    expect(written.stderr).toBe(step <= 20 ? "" : "991 steps in about 1 h 39 min, evaluations aside; 5.00 GB of the GPU's memory\n");
    forecast.take({ step, steps: 1000 });
  }
});
