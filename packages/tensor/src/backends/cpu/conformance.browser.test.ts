import { describeConformance } from "../../../scripts/conformance/describe.ts";
import { inChromium } from "../../../scripts/conformance/places.ts";

const sample = process.env.GPT_VERIFY ? undefined : "first";

describeConformance("cpu, in a page of Chromium", { backend: "cpu", sample }, inChromium("page"));
