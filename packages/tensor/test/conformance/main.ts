/**
 * Runs the conformance suite on a backend and lists what is wrong: `npm run conformance -- BACKEND [KERNEL...]`, all kernels
 * if none is named. With `--composed` fused kernels are hidden, and ops compose what they do.
 */
import { parseArgs } from "node:util";
import { gpuEnvironment } from "@gpt/testing/gpu";
import { inNode, inThisProcess } from "./places.ts";
import type { Opener } from "./places.ts";
import { kernels, kernelsOf } from "./runner.ts";
import type { Kernel } from "./runner.ts";
import type { Setup } from "./setup.ts";
import { onGPU } from "./setups.ts";

/** Backends by their names, each where it runs. */
const backends: Readonly<Record<string, { readonly setup: Setup; open(): Promise<Opener> }>> = {
  cpu: { setup: { backend: "cpu" }, open: async () => inThisProcess },
  wasm: { setup: { backend: "wasm", options: { threads: 2 } }, open: async () => inThisProcess },
  "wasm-simd": { setup: { backend: "wasm", options: { build: "simd", threads: 1 } }, open: async () => inThisProcess },
  native: { setup: { backend: "native", options: { threads: 2 } }, open: async () => inThisProcess },
  webgpu: { setup: onGPU, open: async () => inNode([], await gpuEnvironment()) },
};

const { positionals: [name, ...names], values: { composed } } = parseArgs({
  allowPositionals: true,
  options: { composed: { type: "boolean" } },
});
const unknown = names.filter((kernel) => !(kernels as readonly string[]).includes(kernel));
if (!Object.hasOwn(backends, name ?? "") || unknown.length > 0) {
  const problem = unknown.length > 0 ? `unknown kernel ${unknown.join(", ")}` : `unknown backend ${name ?? ""}`;
  console.error(`${problem}\nbackends: ${Object.keys(backends).join(", ")}\nkernels: ${kernels.join(", ")}`);
  process.exit(2);
}

const { setup, open } = backends[name];
const place = await (await open())({ ...setup, composed });
let wrong = 0;
for (const kernel of names.length > 0 ? (names as Kernel[]) : kernelsOf({ ...setup, composed })) {
  const start = performance.now();
  const findings = await place.run(kernel);
  const problems = findings.flatMap(({ problem }) => problem ?? []);
  wrong += problems.length;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${problems.length > 0 ? "✗" : "✓"} ${kernel}: ${findings.length} cases, ${problems.length} wrong (${seconds} s)`);
  for (const problem of problems) console.log(`  ${problem}`);
}
await place.close();
process.exitCode = wrong > 0 ? 1 : 0;
