import { GPT } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { encodingByName } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { applyChatTemplate } from "@gpt/tokenizer/chat";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { chatPrompt, streamChat } from "./chat.ts";
import type { ChatOptions } from "./chat.ts";
import { streamTokens } from "./tokens.ts";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await encodingByName("r50k_base");
});
beforeEach(async () => {
  useBackend(await cpu());
});

/** Answers end with a token that prompts do not have. */
const endingWith = (end: string): string => `{% for m in messages %}{{ m.role }}
{{ m.content }}{% if m.role == "assistant" %}${end}{% endif %}
{% endfor %}{% if add_generation_prompt %}assistant
{% endif %}`;
const template = endingWith("<|endoftext|>");
const messages = [{ role: "user", content: "Hi!" }];

async function answer(model: GPT, options: ChatOptions) {
  let text = "";
  for await (const event of streamChat(model, tokenizer, messages, { template, temperature: 0, maxTokens: 6, ...options })) {
    text += event.text;
    if (event.type === "finish") return { ...event, text };
  }
  throw new Error("no finish");
}

test("continues what the template makes of the chat, and stops where the template ends an answer", async () => {
  const model = new GPT({ vocabSize: 50_257, contextLength: 32, layers: 1, heads: 1, dim: 8, initialStd: 1 });
  const { ids } = applyChatTemplate(messages, { tokenizer, template, addGenerationPrompt: true });
  const expected: number[] = [];
  for await (const event of streamTokens(model, ids, { temperature: 0, maxTokens: 6 })) if (event.type === "token") expected.push(event.id);
  const whole = await answer(model, {});
  expect(whole).toMatchObject({ tokens: expected, text: tokenizer.decode(expected), promptTokens: ids.length, finishReason: "length" });

  // Where the template ends answers by what is now the third token, there the answer ends, without it.
  const end = tokenizer.decode([expected[2]]);
  const ending: Tokenizer = {
    vocabSize: tokenizer.vocabSize, endOfText: undefined, roles: {}, specialTokens: new Map([[end, expected[2]]]),
    encode: (text) => text.split(end).flatMap((part, i) => [...(i > 0 ? [expected[2]] : []), ...tokenizer.encode(part)]),
    decode: (ids) => tokenizer.decode(ids), createDecoder: () => tokenizer.createDecoder(), hasToken: (id) => tokenizer.hasToken(id),
  };
  expect(chatPrompt(messages, { tokenizer: ending, template: endingWith(end) })).toEqual({ ids, stopTokens: [expected[2]] });
  const events = streamChat(model, ending, messages, { template: endingWith(end), temperature: 0, maxTokens: 6 });
  for await (const event of events) if (event.type === "finish") expect(event).toMatchObject({ tokens: expected.slice(0, 2), finishReason: "stop" });
  expect(await answer(model, { stopTokens: expected[1] })).toMatchObject({ tokens: expected.slice(0, 1), finishReason: "stop" });
});

test("refuses a chat without a template, and one beyond the context", async () => {
  const model = new GPT({ vocabSize: 50_257, contextLength: 4, layers: 1, heads: 1, dim: 4 });
  await expect(answer(model, { template: undefined })).rejects.toMatchObject({ code: "no-chat-template" });
  await expect(answer(model, {})).rejects.toMatchObject({ code: "prompt-too-long" });
});
