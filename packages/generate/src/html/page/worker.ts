/** The Worker of the page: opens the model as its parts come, and writes. */
import { GPT, loadWeights, weightsFromBytes } from "@gpt/gpt";
import { isGptError, useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { tokenizerFromFiles } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { streamChat } from "../../chat.ts";
import { streamText } from "../../text.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { Failure, Order, PageModel, Report } from "./messages.ts";

/** Between two texts that go to the page, in milliseconds. */
const pause = 50;

const weights = new ByteQueue();
let opened: { readonly model: GPT; readonly tokenizer: Tokenizer } | undefined;
let answer: (wanted: boolean) => void = () => undefined;

addEventListener("message", ({ data: order }: MessageEvent<Order>) => {
  switch (order.type) {
    case "open":
      return void reporting(() => open(order.model));
    case "part":
      return weights.push(fromBase64(order.base64));
    case "write":
      return void reporting(() => write(order));
    case "more":
      return answer(order.wanted);
  }
});

function report(report: Report): void {
  postMessage(report);
}

async function reporting(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    report({ type: "failure", failure: failureOf(error) });
  }
}

function failureOf(error: unknown): Failure {
  if (isGptError(error)) return { code: error.code, message: error.message };
  // So engines say that an array is too large.
  return { code: error instanceof RangeError ? "out-of-memory" : "other", message: String(error) };
}

async function open({ config, generation, dtypes, tokenizer: files }: PageModel): Promise<void> {
  useBackend(await wasm({ threads: 1 }));
  const tokenizer = tokenizerFromFiles(new Map(Object.entries(files)));
  const model = new GPT(config, { generation, dtype: dtypes, weights: "zeros" });
  await loadWeights(model, weightsFromBytes((byteLength) => weights.take(byteLength)));
  opened = { model: model.eval(), tokenizer };
  report({ type: "opened" });
}

async function write({ given, controls }: Extract<Order, { readonly type: "write" }>): Promise<void> {
  if (!opened) return;
  const { model, tokenizer } = opened;
  const controller = new AbortController();
  const options = { ...controls, signal: controller.signal };
  const stream = typeof given === "string" ? streamText(model, tokenizer, given, { ...options, contextShift: true }) : streamChat(model, tokenizer, given, options);
  const began = performance.now();
  let [text, sentAt] = ["", -Infinity];
  for await (const event of stream) {
    text += event.text;
    const isLast = event.type === "finish";
    if (text !== "" && (isLast || performance.now() - sentAt >= pause)) {
      // The page's answer comes between two tokens, which are computed without a pause in which a stop would be heard.
      const wanted = new Promise<boolean>((resolve) => (answer = resolve));
      report({ type: "text", text });
      [text, sentAt] = ["", performance.now()];
      if (!(await wanted)) controller.abort();
    }
    if (isLast) report({ type: "finish", reason: event.finishReason, tokens: event.tokens.length, seconds: (performance.now() - began) / 1000 });
  }
}

/** ES2026; elsewhere character by character. */
function fromBase64(text: string): Uint8Array {
  const { fromBase64 } = Uint8Array as unknown as { readonly fromBase64?: (text: string) => Uint8Array };
  return fromBase64 ? fromBase64.call(Uint8Array, text) : Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
