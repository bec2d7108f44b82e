import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { checkCase, conformanceCases } from "../../testing/index.ts";
import { startBackend } from "./backend.ts";

const builds = ["relaxed", "simd"] as const;
const setups = builds.flatMap((build) => [1, 2, 3].map((threads) => ({ build, threads })));

describe.each(setups)("$build, threads: $threads", async (setup) => {
  // Cases are small: threads share all work that can be divided.
  const backend = await startBackend(setup, 1);

  test.each(conformanceCases())("$kernel: $name", async (subject) => {
    await checkCase(subject, backend);
    expect(backend.memory.liveBuffers).toBe(0);
  });
});

// Elsewhere V8 has no such vectors.
if (process.arch === "x64" && Number.parseInt(process.versions.node) >= 24) {
  const all = process.env.GPT_VERIFY ? setups : setups.filter(({ build, threads }) => build === "relaxed" && threads === 2);

  test.each(all)("on fused vectors: $build, threads: $threads", { timeout: 120_000 }, async ({ build, threads }) => {
    const flags = ["--experimental-wasm-revectorize", "--no-liftoff", "--conditions=@gpt/source"];
    const script = fileURLToPath(new URL("../../../scripts/run-conformance.ts", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, build, `${threads}`]);
    expect(JSON.parse(stdout)).toEqual({ cases: conformanceCases().length, failures: [] });
  });
}
