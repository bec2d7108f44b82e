import { listOf, objectWith, oneOf, quote, text, wholeNumber } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import { check, checkAll, invalidOption } from "../checks.ts";
import { eachExample } from "./examples.ts";
import type { Example } from "./examples.ts";
import type { LabelledExample } from "../tasks/classification-task.ts";
import type { PreferencePair } from "../tasks/preference-task.ts";

/** How texts become examples. */
export interface TextOptions {
  /** The most tokens that a model reads of an example: its context. */
  readonly maxTokens: number;
  /** What becomes of a text with more: it is refused by its number, or cut. Default `refuse`. */
  readonly overflow?: "refuse" | "truncate";
}

/** A prompt, and what a model is to write behind it. */
export interface PromptAndCompletion {
  readonly prompt: string;
  readonly completion: string;
}

/** A prompt, and two answers to it. */
export interface PreferenceText {
  readonly prompt: string;
  /** The better one. */
  readonly chosen: string;
  readonly rejected: string;
}

/** A text, and its label. */
export interface LabelledText {
  readonly text: string;
  readonly label: string;
}

/**
 * Documents, of which all tokens are learnt: each with the tokens that the tokenizer puts before a text, and the end-of-text token
 * behind it, where there are any. One that is longer than `maxTokens` becomes several examples, each of which begins with the
 * last token of the one before, so that every token but the first is learnt once. Throws `invalid-option`.
 */
export function documentExamples(texts: readonly string[], tokenizer: Tokenizer, options: Pick<TextOptions, "maxTokens">): Example[] {
  checkTokenizer(tokenizer);
  check("texts", texts, listOf(text));
  const { maxTokens } = readTextOptions(options);
  return texts.flatMap((document) => {
    const ids = Int32Array.from([...before(tokenizer), ...plain(tokenizer, document), ...endOf(tokenizer)]);
    const pieces = Math.max(1, Math.ceil((ids.length - 1) / maxTokens));
    return Array.from({ length: pieces }, (_, i) => ({ ids: ids.slice(i * maxTokens, (i + 1) * maxTokens + 1) })).filter(({ ids }) => ids.length > 1);
  });
}

/**
 * Prompts and completions, of which the completion is learnt, and the end-of-text token behind it, by which a model stops: for
 * questions, summaries, translations. Prompt and completion become tokens one by one, as they do when a model continues a prompt:
 * put a space that separates them at the beginning of the completion. `truncate` leaves out the beginning of a prompt that is too
 * long, and the end of a completion that is too long alone. Throws `invalid-option`, naming an example by its number, which
 * counts from 1, where it is no pair of texts, has an empty completion, or has too many tokens.
 */
export function completionExamples(pairs: readonly PromptAndCompletion[], tokenizer: Tokenizer, options: TextOptions): Example[] {
  checkTokenizer(tokenizer);
  const read = readTextOptions(options);
  const examples: Example[] = [];
  eachExample("pairs", pairs, ({ prompt, completion }, at) => examples.push(...answersTo(prompt, { completion }, tokenizer, read, at)));
  return examples;
}

/**
 * Prompts with two answers each, of which one is preferred: for `preferenceTask`, when `withReference` has read them. Both begin with
 * the same tokens. All else is as with `completionExamples`.
 */
export function preferenceExamples(preferences: readonly PreferenceText[], tokenizer: Tokenizer, options: TextOptions): PreferencePair[] {
  checkTokenizer(tokenizer);
  const read = readTextOptions(options);
  const pairs: PreferencePair[] = [];
  eachExample("preferences", preferences, ({ prompt, chosen, rejected }, at) => {
    const [first, second] = answersTo(prompt, { chosen, rejected }, tokenizer, read, at);
    pairs.push(pairOf(first, second, at));
  });
  return pairs;
}

/** Two answers, of which one is preferred: not the same, which would teach nothing. */
export function pairOf(chosen: Example, rejected: Example, at: string): PreferencePair {
  if (chosen.ids.join() !== rejected.ids.join()) return { chosen, rejected };
  throw invalidOption(`${at}: chosen and rejected have the same tokens, and so nothing to learn`);
}

/** A prompt with each of its answers, which are learnt; as much of the prompt as the longest leaves room for. */
function answersTo(
  prompt: string, answers: Readonly<Record<string, string>>, tokenizer: Tokenizer, { maxTokens, overflow }: Required<TextOptions>, at: string,
): Example[] {
  check(`${at}: prompt`, prompt, text);
  for (const [name, answer] of Object.entries(answers)) {
    check(`${at}: ${name}`, answer, text);
    if (answer === "") throw invalidOption(`${at}: ${name} is empty, and so nothing to learn`);
  }
  const question = plain(tokenizer, prompt);
  const start = beginningOf(tokenizer, question.length > 0, at);
  // The last token is not read.
  const room = maxTokens + 1;
  const completions = Object.values(answers).map((answer) => [...plain(tokenizer, answer), ...endOf(tokenizer)]);
  const length = start.length + question.length + longestOf(completions);
  if (length > room && overflow === "refuse") throw tooLong(at, length - 1, maxTokens);
  for (const completion of completions) completion.splice(Math.max(1, room - Math.max(1, start.length)));
  const kept = Math.max(0, room - start.length - longestOf(completions));
  const shared = [...start, ...question.slice(Math.max(0, question.length - kept))];
  return completions.map((completion) => masked(shared, completion));
}

/** What comes before a prompt: what the tokenizer puts there, and something in any case where the prompt is empty. */
export function beginningOf(tokenizer: Tokenizer, hasPrompt: boolean, at: string): readonly number[] {
  const around = before(tokenizer);
  const start = around.length > 0 || hasPrompt ? around : endOf(tokenizer);
  if (start.length > 0 || hasPrompt) return start;
  throw invalidOption(`${at} has an empty prompt, and the tokenizer no token to begin with`);
}

function longestOf(lists: readonly (readonly number[])[]): number {
  return lists.reduce((most, { length }) => Math.max(most, length), 0);
}

/**
 * Texts with labels, as `classify` of @gpt/generate reads them: with the tokens that the tokenizer adds. `labels` are those of the
 * model's head, in their order. `truncate` leaves out the end of a text. Throws `invalid-option`, naming an example by its
 * number, which counts from 1, where it has another label, no tokens or too many.
 */
export function labelledExamples(
  texts: readonly LabelledText[], labels: readonly string[], tokenizer: Tokenizer, options: TextOptions,
): LabelledExample[] {
  checkTokenizer(tokenizer);
  check("labels", labels, listOf(text));
  const { maxTokens, overflow } = readTextOptions(options);
  const examples: LabelledExample[] = [];
  eachExample("texts", texts, ({ text: content, label }, at) => {
    check(`${at}: text`, content, text);
    const number = labelNumber(label, labels, at);
    const ids = tokenizer.encode(content, { addSpecialTokens: true, disallowedSpecial: [] });
    if (ids.length === 0) throw invalidOption(`${at} has no tokens`);
    if (ids.length > maxTokens && overflow === "refuse") throw tooLong(at, ids.length, maxTokens);
    examples.push({ ids: Int32Array.from(ids.slice(0, maxTokens)), label: number });
  });
  return examples;
}

/** A label's number among others. */
export function labelNumber(label: string, labels: readonly string[], at: string): number {
  const number = labels.indexOf(label);
  if (number < 0) throw invalidOption(`${at} has the label ${quote(label)}; there are ${labels.map((label) => quote(label)).join(", ")}`);
  return number;
}

/** An example of which the end is learnt. */
export function masked(unlearnt: readonly number[], learnt: readonly number[]): Example {
  const ids = Int32Array.of(...unlearnt, ...learnt);
  return { ids, mask: new Uint8Array(ids.length).fill(1, unlearnt.length) };
}

export function tooLong(at: string, tokens: number, maxTokens: number): Error {
  return invalidOption(`${at} has ${tokens} tokens to read, more than ${maxTokens}; shorten it, leave it out, or cut such texts (overflow: "truncate")`);
}

/** Checked, with defaults. */
export function readTextOptions(options: TextOptions): Required<TextOptions> {
  check("options", options, objectWith("an object with maxTokens"));
  const { maxTokens, overflow = "refuse" } = options;
  checkAll({ maxTokens, overflow }, { maxTokens: wholeNumber(1), overflow: oneOf(["refuse", "truncate"]) });
  return { maxTokens, overflow };
}

export function checkTokenizer(tokenizer: Tokenizer): void {
  check("tokenizer", tokenizer, objectWith("a tokenizer", "encode()", "hasToken()"));
}

/** Special tokens that are written out in a text are text, whatever they say. */
export function plain(tokenizer: Tokenizer, content: string): number[] {
  return tokenizer.encode(content, { disallowedSpecial: [] });
}

function before({ around }: Tokenizer): readonly number[] {
  return around?.before ?? [];
}

function endOf({ endOfText }: Tokenizer): number[] {
  return endOfText === undefined ? [] : [endOfText];
}
