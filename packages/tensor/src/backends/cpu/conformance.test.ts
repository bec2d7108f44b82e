import { describeConformance } from "../../../test/conformance/describe.ts";
import { inThisProcess } from "../../../test/conformance/places.ts";

describeConformance("cpu", { backend: "cpu" }, inThisProcess);

// Of the same kernels everywhere: in full here, and a sample on the others.
describeConformance("cpu, without fused kernels", { backend: "cpu", composed: true }, inThisProcess);
