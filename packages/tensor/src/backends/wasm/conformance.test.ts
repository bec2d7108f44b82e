import { describeConformance } from "../../../test/conformance/describe.ts";
import { inNode, inThisProcess } from "../../../test/conformance/places.ts";

const all = Boolean(process.env.GPT_VERIFY);

/**
 * The builds are of the same sources, and threads share the work and change no result: one build runs in full on one number of
 * threads, the other in a large sample; where asked, each on all.
 */
const setups = [
  ...[1, 2, 3].map((threads) => ({ build: "relaxed", threads, sample: threads === 2 ? undefined : "first" }) as const),
  ...[1, 2, 3].map((threads) => ({ build: "simd", threads, sample: threads === 1 ? "eighth" : "first" }) as const),
];

for (const { build, threads, sample } of setups) {
  const title = `wasm, ${build}, threads: ${threads}`;
  describeConformance(title, { backend: "wasm", options: { build, threads }, sample: all ? undefined : sample }, inThisProcess);

  // V8 has fused vectors on x64 only, from Node 24 on.
  if (process.arch !== "x64" || Number.parseInt(process.versions.node) < 24) continue;
  if (!all && sample !== undefined) continue;
  const options = { build, threads, revectorized: true };
  const flags = ["--experimental-wasm-revectorize", "--no-liftoff"];
  describeConformance(`${title}, on fused vectors`, { backend: "wasm", options, sample: all ? undefined : "eighth" }, inNode(flags));
}

const composed = { backend: "wasm", options: { threads: 2 }, composed: true, sample: all ? undefined : "first" } as const;
describeConformance("wasm, without fused kernels", composed, inThisProcess);
