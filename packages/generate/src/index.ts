export { GenerationError } from "./errors.ts";
export type { GenerationErrorCode } from "./errors.ts";
export type { GeneratedToken, SamplingOptions } from "./sampling.ts";
export { StopMatcher } from "./stopping.ts";
export { generateText, streamText } from "./text.ts";
export type { GeneratedText, TextOptions, TextPiece } from "./text.ts";
export { streamTokens } from "./tokens.ts";
export type { FinishReason, TokenOptions } from "./tokens.ts";
