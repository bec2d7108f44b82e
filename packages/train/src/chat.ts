import type { Tokenizer } from "@gpt/tokenizer";
import { applyChatTemplate } from "@gpt/tokenizer/chat";
import type { ChatMessage, ChatTemplateOptions } from "@gpt/tokenizer/chat";
import { listOf, objectWith, optional, text, valueThat } from "@gpt/tensor";
import { check, invalidOption } from "./checks.ts";
import { eachExample } from "./data/examples.ts";
import type { Example } from "./data/examples.ts";
import { checkTokenizer, pairOf, readTextOptions, tooLong } from "./data/text-examples.ts";
import type { TextOptions } from "./data/text-examples.ts";
import type { PreferencePair } from "./tasks/preference-task.ts";

/** A dialogue, some messages of which are the assistant's. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  /** Functions that the assistant may call. */
  readonly tools?: readonly unknown[];
}

/** How dialogues become examples. */
export interface ChatExampleOptions extends TextOptions, Pick<ChatTemplateOptions, "template" | "variables"> {}

const messageExpected = objectWith("a message, { role, content }", "role");

/**
 * Dialogues in the words of a chat template, of which the assistant's answers are learnt, with what the template puts behind them.
 * A conversation is one example, where its beginnings are rendered as they are within the whole. Templates that render earlier
 * answers otherwise than the last, as those of models that think, give one for each answer. `truncate` leaves out the end.
 *
 * The answers are found by rendering, never by a mark: what the template adds with an answer, behind what it gives a model
 * to be continued. A template that puts no special token behind answers is refused, since a model would not learn to
 * stop; so is one whose text does not begin with what a model is given. Throws `invalid-option`, naming an example by its
 * number, which counts from 1, and what `applyChatTemplate` does.
 *
 * @example
 * const train = chatExamples([{ messages: [{ role: "user", content: "Hi!" }, { role: "assistant", content: "Hello." }] }], tokenizer, { maxTokens: 1024 });
 */
export function chatExamples(
  conversations: readonly (Conversation | Readonly<Record<string, unknown>>)[], tokenizer: Tokenizer, options: ChatExampleOptions,
): Example[] {
  checkTokenizer(tokenizer);
  readTextOptions(options);
  const examples: Example[] = [];
  // Records of files are checked here as well.
  eachExample("conversations", conversations as readonly Conversation[], ({ messages, tools }, at) => {
    checkMessages(`${at}: messages`, messages);
    const answers = messages.flatMap(({ role }, i) => (role === "assistant" ? [i] : []));
    if (answers.length === 0) throw invalidOption(`${at} has no message of the assistant's, and so nothing to learn`);
    const turns = answers.map((i) => turnOf({ messages, tools }, i, tokenizer, options, `${at}: messages[${i}]`));
    const whole = turns.at(-1)!;
    const isOne = turns.every(({ given, all }) => startsWith(whole.all, all) && startsWith(whole.all, given));
    const found = isOne ? [exampleOf(whole.all, turns)] : turns.map((turn) => exampleOf(turn.all, [turn]));
    examples.push(...found.map((example) => cut(example, options, at)));
  });
  return examples;
}

/** A dialogue, and two ways in which it goes on. */
export interface ChatPreference extends Pick<Conversation, "tools"> {
  readonly prompt: readonly ChatMessage[];
  /** The better answer: one message of the assistant's. */
  readonly chosen: readonly ChatMessage[];
  readonly rejected: readonly ChatMessage[];
}

/**
 * Dialogues with two answers each, of which one is preferred, for `preferenceTask`, when `withReference` has read them. The two answers are
 * found as `chatExamples` finds them; earlier ones are not learnt. Throws as `chatExamples` does.
 */
export function chatPreferenceExamples(
  preferences: readonly (ChatPreference | Readonly<Record<string, unknown>>)[], tokenizer: Tokenizer, options: ChatExampleOptions,
): PreferencePair[] {
  checkTokenizer(tokenizer);
  readTextOptions(options);
  const pairs: PreferencePair[] = [];
  eachExample("preferences", preferences as readonly ChatPreference[], ({ prompt, chosen, rejected, tools }, at) => {
    checkMessages(`${at}: prompt`, prompt);
    const exampleWith = (name: string, answer: readonly ChatMessage[]): Example => {
      checkMessages(`${at}: ${name}`, answer);
      if (answer.length !== 1 || answer[0].role !== "assistant") throw invalidOption(`${at}: ${name} must be one message of the assistant's`);
      const turn = turnOf({ messages: [...prompt, ...answer], tools }, prompt.length, tokenizer, options, `${at}: ${name}`);
      return cut(exampleOf(turn.all, [turn]), options, `${at}: ${name}`);
    };
    pairs.push(pairOf(exampleWith("chosen", chosen), exampleWith("rejected", rejected), at));
  });
  return pairs;
}

const contentExpected = valueThat("a text, or what the template makes of parts", (content) => !["number", "boolean"].includes(typeof content));

function checkMessages(name: string, messages: readonly ChatMessage[]): void {
  check(name, messages, listOf(messageExpected));
  messages.forEach((message, i) => {
    const { role, content } = message;
    check(`${name}[${i}].role`, role, text);
    check(`${name}[${i}].content`, content, optional(contentExpected));
    if (role === "assistant" && isEmpty(message)) throw invalidOption(`${name}[${i}] has no content, and so nothing to learn`);
  });
}

/** Whether nothing is said, by no text and by no other field, such as `tool_calls`. */
function isEmpty({ role: _, name: __, content, ...others }: ChatMessage): boolean {
  return (content === undefined || content === null || content === "") && Object.keys(others).length === 0;
}

/** A message that the assistant wrote, in tokens: what a model is given, and the same with the answer. */
interface Turn {
  readonly given: readonly number[];
  readonly all: readonly number[];
}

/** The answer that is the message of this number, checked. */
function turnOf({ messages, tools }: Conversation, number: number, tokenizer: Tokenizer, { template, variables }: ChatExampleOptions, at: string): Turn {
  const render = (count: number, addGenerationPrompt: boolean): number[] =>
    applyChatTemplate(messages.slice(0, count), { tokenizer, tools, template, variables, addGenerationPrompt }).ids;
  const [given, all] = [render(number, true), render(number + 1, false)];
  checkAnswer(given, all, at, new Set(tokenizer.specialTokens?.values()));
  return { given, all };
}

/** Without what does not fit, or refused. */
function cut({ ids, mask }: Required<Example>, options: TextOptions, at: string): Example {
  const { maxTokens, overflow } = readTextOptions(options);
  const read = mask.lastIndexOf(1);
  if (read > maxTokens && overflow === "refuse") throw tooLong(at, read, maxTokens);
  const [cutIds, cutMask] = [ids.slice(0, maxTokens + 1), mask.slice(0, maxTokens + 1)];
  if (!cutMask.includes(1)) throw invalidOption(`${at} has no answer within its first ${maxTokens} tokens; shorten it, or leave it out`);
  return { ids: cutIds, mask: cutMask };
}

function checkAnswer(given: readonly number[], all: readonly number[], at: string, special: ReadonlySet<number>): void {
  if (!startsWith(all, given)) {
    throw invalidOption(`${at}: the chat template does not continue what it gives a model to answer, so that the answer cannot be told from it; use another template`);
  }
  const answer = all.slice(given.length);
  if (answer.some((id) => special.has(id))) return;
  throw invalidOption(`${at}: the chat template puts no special token behind the answer, so that a model would not learn to stop; use another template`);
}

function exampleOf(ids: readonly number[], turns: readonly Turn[]): Required<Example> {
  const mask = new Uint8Array(ids.length);
  for (const { given, all } of turns) mask.fill(1, given.length, all.length);
  return { ids: Int32Array.from(ids), mask };
}

function startsWith(ids: readonly number[], start: readonly number[]): boolean {
  return start.length <= ids.length && start.every((id, i) => ids[i] === id);
}
