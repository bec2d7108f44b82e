export { conformanceCases } from "./cases/index.ts";
export { withoutFusedKernels } from "./required.ts";
export { checkCase } from "./case.ts";
export type { Capabilities, ConformanceCase } from "./case.ts";
