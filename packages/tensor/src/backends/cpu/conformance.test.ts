import { describeConformance } from "../../../scripts/conformance/describe.ts";
import { inThisProcess } from "../../../scripts/conformance/places.ts";

describeConformance("cpu", { backend: "cpu" }, inThisProcess);
