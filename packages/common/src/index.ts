export { crc32 } from "./crc32.ts";
export { CodedError, isGptError } from "./errors.ts";
export { EventLoopYielder } from "./event-loop-yielder.ts";
export { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from "./half.ts";
export { printable, printableMessage, quote } from "./printable.ts";
