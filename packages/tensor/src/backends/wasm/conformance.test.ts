import { describe, expect, test } from "vitest";
import { describeReport, reportOfChromium, reportOfNode } from "../../../scripts/conformance/places.ts";
import type { Setup } from "../../../scripts/conformance/setup.ts";
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

  for (const { build, threads } of all) {
    const setup: Setup = { backend: "wasm", options: { build, threads, revectorized: true } };
    describeReport(`on fused vectors: ${build}, threads: ${threads}`, setup, (setup) =>
      reportOfNode(setup, { flags: ["--experimental-wasm-revectorize", "--no-liftoff"] }),
    );
  }
}

describeReport("in a page of Chromium", { backend: "wasm" }, (setup) => reportOfChromium(setup, { thread: "page" }));

describeReport("in a Worker of Chromium, threads: 2", { backend: "wasm", options: { threads: 2 } }, (setup) =>
  reportOfChromium(setup, { thread: "worker" }),
);
