import { describeConformance } from "../../../test/conformance/describe.ts";
import { inNode, inThisProcess } from "../../../test/conformance/places.ts";

const all = Boolean(process.env.GPT_VERIFY);

/** Threads share the work and change no result: each build runs in full on one number of threads, and where asked on all. */
const setups = (["relaxed", "simd"] as const).flatMap((build) =>
  [1, 2, 3].map((threads) => ({ build, threads, full: all || threads === (build === "relaxed" ? 2 : 1) })),
);

for (const { build, threads, full } of setups) {
  const title = `wasm, ${build}, threads: ${threads}`;
  describeConformance(title, { backend: "wasm", options: { build, threads }, sample: full ? undefined : "first" }, inThisProcess);

  // V8 has fused vectors on x64 only, from Node 24 on.
  if (!full || process.arch !== "x64" || Number.parseInt(process.versions.node) < 24) continue;
  if (!all && build !== "relaxed") continue;
  const options = { build, threads, revectorized: true };
  const flags = ["--experimental-wasm-revectorize", "--no-liftoff"];
  describeConformance(`${title}, on fused vectors`, { backend: "wasm", options }, inNode(flags));
}

const composed = { backend: "wasm", options: { threads: 2 }, composed: true, sample: all ? undefined : "first" } as const;
describeConformance("wasm, without fused kernels", composed, inThisProcess);
