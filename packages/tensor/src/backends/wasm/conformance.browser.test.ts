import { describeConformance } from "../../../test/conformance/describe.ts";
import { inChromium } from "../../../test/conformance/places.ts";

const sample = process.env.GPT_VERIFY ? undefined : "first";

describeConformance("wasm, in a page of Chromium", { backend: "wasm", sample }, inChromium("page"));

describeConformance(
  "wasm, in a Worker of Chromium, threads: 2",
  { backend: "wasm", options: { threads: 2 }, sample },
  inChromium("worker"),
);
