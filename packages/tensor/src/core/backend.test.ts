import { inspect } from "node:util";
import { expect, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import { wasm } from "../backends/wasm/index.ts";
import { ones, PackedWeight, tensor, useBackend, zeros } from "../index.ts";
import type { Backend } from "../index.ts";

const awaited = "expected a backend, got a promise: write `await` before it";

test("the promise of a backend is refused at once, wherever a backend is asked for", async () => {
  const promised = () => cpu() as unknown as Backend;
  expect(() => useBackend(promised())).toThrow(`useBackend: ${awaited}`);
  expect(() => useBackend(promised(), () => 1)).toThrow(awaited);
  expect(() => tensor([1], { backend: promised() })).toThrow(`tensor: ${awaited}`);
  expect(() => zeros([1], { backend: promised() })).toThrow(`zeros: ${awaited}`);
  expect(() => PackedWeight.zeros("int8", [2, 2], { backend: promised() })).toThrow(`PackedWeight.zeros: ${awaited}`);
  // One that fails is no unhandled rejection besides.
  expect(() => useBackend(Promise.reject(new Error("no GPU")) as unknown as Backend)).toThrow(awaited);
  expect(() => useBackend({} as Backend)).toThrow("useBackend: expected a backend, got an object");
  await new Promise((resolve) => setTimeout(resolve, 0));
});

test("a backend is shown as one line", async () => {
  const backends = [await cpu(), await wasm({ threads: 1 })];
  const lines = backends.map((backend) => {
    ones([3], { backend });
    return inspect(backend);
  });
  expect(lines[0]).toBe("Backend(cpu, 12 bytes)");
  expect(lines[1]).toMatch(/^Backend\(wasm-\w+, 1 thread, \d+ bytes\)$/);
  for (const backend of backends) backend.dispose();
});
