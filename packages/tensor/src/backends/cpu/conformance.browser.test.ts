import { describeConformance } from "../../../test/conformance/describe.ts";
import { inChromium } from "../../../test/conformance/places.ts";

const sample = process.env.GPT_VERIFY ? undefined : "first";

describeConformance("cpu, in a page of Chromium", { backend: "cpu", sample }, inChromium("page"));
