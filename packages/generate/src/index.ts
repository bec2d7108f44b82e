export { GenerationError } from "./errors.ts";
export type { GenerationErrorCode } from "./errors.ts";
export type { FinishEvent, FinishReason, GeneratedToken, TextEvent, TokenEvent } from "./events.ts";
export type { SamplingOptions } from "./sampling.ts";
export { StopMatcher } from "./stopping.ts";
export { generateText, streamText } from "./text.ts";
export type { GeneratedText, TextOptions } from "./text.ts";
export { streamTokens } from "./tokens.ts";
export type { TokenOptions } from "./tokens.ts";
