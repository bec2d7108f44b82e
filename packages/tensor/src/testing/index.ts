export { conformanceCases } from "./cases/index.ts";
export { checkCase } from "./case.ts";
export type { Capabilities, ConformanceCase } from "./case.ts";
