/** What page and Worker say to each other. */
import type { GenerationDefaults, GPTConfig } from "@gpt/gpt";
import type { WeightDType } from "@gpt/tensor";
import type { ChatMessage } from "@gpt/tokenizer/chat";
import type { FinishReason } from "../../events.ts";

/** What the file says of its model, as JSON. */
export interface PageModel {
  readonly name: string;
  readonly license?: string;
  readonly dtype: WeightDType;
  readonly parameters: number;
  /** Bytes of the weights. */
  readonly byteLength: number;
  readonly config: GPTConfig;
  readonly generation: GenerationDefaults;
  readonly dtypes: Readonly<Record<string, WeightDType>>;
  /** The tokenizer's files, by name. */
  readonly tokenizer: Readonly<Record<string, string>>;
  /** Whether the model answers chats, rather than to continue texts. */
  readonly chats: boolean;
}

export interface Controls {
  readonly temperature: number;
  readonly topP: number;
}

export type Order =
  | { readonly type: "open"; readonly model: PageModel }
  /** The next part of the weights, in base64. */
  | { readonly type: "part"; readonly base64: string }
  | { readonly type: "write"; readonly given: string | readonly ChatMessage[]; readonly controls: Controls }
  /** Answers a text: whether there is to be more. */
  | { readonly type: "more"; readonly wanted: boolean };

export interface Failure {
  readonly code: string;
  readonly message: string;
}

export type Report =
  | { readonly type: "opened" }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "finish"; readonly reason: FinishReason; readonly tokens: number; readonly seconds: number }
  | { readonly type: "failure"; readonly failure: Failure };
