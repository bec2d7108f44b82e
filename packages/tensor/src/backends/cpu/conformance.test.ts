import { describeConformance } from "../../../test/conformance/describe.ts";
import { inThisProcess } from "../../../test/conformance/places.ts";

// Under a second Node, which may have another Math, a sample.
const again = Boolean(process.env.GPT_AGAIN);

describeConformance("cpu", { backend: "cpu", sample: again ? "eighth" : undefined }, inThisProcess);

// Of the same kernels everywhere: in full here, and a sample on the others.
describeConformance("cpu, without fused kernels", { backend: "cpu", composed: true, sample: again ? "first" : undefined }, inThisProcess);
