import { encodingByName } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { beforeAll, describe, expect, test } from "vitest";
import { chatExamples, chatPreferenceExamples } from "./chat.ts";
import type { Example } from "./data/examples.ts";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await encodingByName("gpt2");
});

/** Each message, and a special token. */
const plain = `{% for m in messages %}{{ m.role }}
{{ m.content }}<|endoftext|>
{% endfor %}{% if add_generation_prompt %}assistant
{% endif %}`;
/** Thoughts of earlier answers are left out, as Qwen 3's template does. */
const thinking = `{% for m in messages %}{{ m.role }}
{% if m.role == "assistant" and loop.last %}(thinks) {% endif %}{{ m.content }}<|endoftext|>
{% endfor %}{% if add_generation_prompt %}assistant
{% endif %}`;

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const twoTurns = { messages: [{ role: "system", content: "Be brief." }, user("Hi!"), assistant("Hello."), user("Bye!"), assistant("See you.")] };

/** The text with what is learnt in brackets. */
function shown({ ids, mask }: Example): string {
  let text = "";
  for (let i = 0; i < ids.length; ) {
    let end = i;
    while (end < ids.length && mask![end] === mask![i]) end++;
    const part = tokenizer.decode(ids.slice(i, end));
    text += mask![i] ? `[${part}]` : part;
    i = end;
  }
  return text;
}

const examplesOf = (template: string, changes = {}) => chatExamples([twoTurns], tokenizer, { maxTokens: 200, template, ...changes });

test("a conversation is one example, of which all answers are learnt with what ends them", () => {
  expect(examplesOf(plain).map(shown)).toEqual([
    "system\nBe brief.<|endoftext|>\nuser\nHi!<|endoftext|>\nassistant\n[Hello.<|endoftext|>\n]user\nBye!<|endoftext|>\nassistant\n[See you.<|endoftext|>\n]",
  ]);
});

test("where earlier answers are rendered otherwise, each answer is an example", () => {
  expect(examplesOf(thinking).map(shown)).toEqual([
    "system\nBe brief.<|endoftext|>\nuser\nHi!<|endoftext|>\nassistant\n[(thinks) Hello.<|endoftext|>\n]",
    "system\nBe brief.<|endoftext|>\nuser\nHi!<|endoftext|>\nassistant\nHello.<|endoftext|>\nuser\nBye!<|endoftext|>\nassistant\n[(thinks) See you.<|endoftext|>\n]",
  ]);
});

test("the end of what is too long is left out, unless nothing would be learnt", () => {
  expect(() => examplesOf(plain, { maxTokens: 20 })).toThrow("conversations: example 1 has 34 tokens to read, more than 20");
  const [cut] = examplesOf(plain, { maxTokens: 20, overflow: "truncate" });
  expect(cut.ids).toHaveLength(21);
  expect(shown(cut)).toContain("[Hello.");
  expect(() => examplesOf(plain, { maxTokens: 5, overflow: "truncate" })).toThrow("example 1 has no answer within its first 5 tokens");
});

describe("refuses", () => {
  test.each([
    ["a template without an end of answers", plain.replaceAll("<|endoftext|>", ""), twoTurns, "messages[2]: the chat template puts no special token behind the answer"],
    ["a template that continues otherwise", plain.replace("%}assistant", "%}model"), twoTurns, "messages[2]: the chat template does not continue what it gives"],
    ["a conversation without answers", plain, { messages: [user("Hi!")] }, "example 1 has no message of the assistant's"],
    ["what is no message", plain, { messages: ["Hi!"] }, "example 1: messages[0] must be a message, { role, content }"],
    ["a role that is none", plain, { messages: [{ role: 1, content: "" }] }, "example 1: messages[0].role must be a text, not 1"],
    ["a number that is said", plain, { messages: [user("Hi!"), { role: "assistant", content: 5 }] }, "messages[1].content must be a text, or what the template makes of parts, not 5"],
    ["an answer that is empty", plain, { messages: [user("Hi!"), { role: "assistant", content: null }] }, "messages[1] has no content, and so nothing to learn"],
    ["no messages", plain, {}, "example 1: messages must be a list"],
  ])("%s", (_, template, conversation, message) => {
    expect(() => chatExamples([conversation as never], tokenizer, { maxTokens: 100, template })).toThrow(message);
  });
});

test("of two answers both are learnt, earlier ones are not", () => {
  const preference = { prompt: twoTurns.messages.slice(0, 4), chosen: [assistant("See you.")], rejected: [assistant("No.")] };
  const [{ chosen, rejected }] = chatPreferenceExamples([preference], tokenizer, { maxTokens: 200, template: thinking });
  const before = "system\nBe brief.<|endoftext|>\nuser\nHi!<|endoftext|>\nassistant\nHello.<|endoftext|>\nuser\nBye!<|endoftext|>\nassistant\n";
  expect([chosen, rejected].map(shown)).toEqual([`${before}[(thinks) See you.<|endoftext|>\n]`, `${before}[(thinks) No.<|endoftext|>\n]`]);
  expect(() => chatPreferenceExamples([{ ...preference, rejected: [user("No.")] }], tokenizer, { maxTokens: 200, template: plain })).toThrow(
    "preferences: example 1: rejected must be one message of the assistant's");
  expect(() => chatPreferenceExamples([preference], tokenizer, { maxTokens: 20, template: plain })).toThrow("preferences: example 1: chosen has ");
});
