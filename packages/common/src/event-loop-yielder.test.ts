import { expect, test } from "vitest";
import { EventLoopYielder } from "./event-loop-yielder.ts";

test("lets timers run during a long computation, and seldom", async () => {
  const yielder = new EventLoopYielder();
  let [ticks, pauses] = [0, 0];
  const timer = setInterval(() => ticks++, 1);
  const end = performance.now() + 300;
  while (performance.now() < end) {
    const before = performance.now();
    while (performance.now() - before < 1);
    await yielder.pause();
    pauses++;
  }
  clearInterval(timer);
  expect(ticks).toBeGreaterThanOrEqual(2);
  expect(ticks).toBeLessThan(10);
  expect(pauses).toBeGreaterThan(ticks);
});
