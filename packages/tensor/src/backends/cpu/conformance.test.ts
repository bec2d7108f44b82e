import { describeConformance } from "../../../test/conformance/describe.ts";
import { inThisProcess } from "../../../test/conformance/places.ts";

describeConformance("cpu", { backend: "cpu" }, inThisProcess);
