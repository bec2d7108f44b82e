import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import { add, mul, ones, scope, setMemoryWarning, sum, useBackend } from "../index.ts";

const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
beforeEach(async () => useBackend(await cpu()));
afterEach(() => warn.mockClear());

test("tensors that pile up outside of any scope are told of once", () => {
  setMemoryWarning(100);
  const x = ones([2]);
  for (let i = 0; i < 300; i++) add(x, 1); // Ops without a scope of their own, and with one:
  expect(warn).toHaveBeenCalledTimes(1);
  expect(warn.mock.calls[0][0]).toMatch(/^@gpt\/tensor: 100 buffers \(800 bytes\).* scope, noGrad .* setMemoryWarning\(0\)/);
  setMemoryWarning(400);
  for (let i = 0; i < 300; i++) mul(x, x);
  expect(warn).toHaveBeenCalledTimes(2);
});

test("tensors in scopes are not, nor where it is turned off", () => {
  setMemoryWarning(100);
  const x = ones([2]);
  for (let i = 0; i < 300; i++) scope(() => void sum(mul(x, add(x, 1))));
  scope(() => {
    for (let i = 0; i < 300; i++) add(x, 1);
  });
  setMemoryWarning(0);
  for (let i = 0; i < 300; i++) add(x, 1);
  expect(warn).not.toHaveBeenCalled();
  expect(() => setMemoryWarning(-1)).toThrow("setMemoryWarning: liveBuffers must be a whole number from 0, not -1");
});
