import { listOf, optional, quote, text, wholeNumber } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import { check, invalidOption } from "../checks.ts";
import type { ChoiceExample } from "../tasks/choice-task.ts";
import type { LabelledExample } from "../tasks/classification-task.ts";
import { eachExample } from "./examples.ts";
import { checkTokenizer, labelNumber, plain, readTextOptions, tooLong } from "./text-examples.ts";
import type { TextOptions } from "./text-examples.ts";

/** A context, candidates of what belongs to it, and the one that does: its number from 0, or its text. */
export interface ChoiceText {
  readonly context: string;
  readonly choices: readonly string[];
  readonly answer: number | string;
}

/** Two texts, and what they are to each other. */
export type LabelledPair =
  /** Whether one follows from the other: the order counts. */
  | { readonly premise: string; readonly hypothesis: string; readonly label: string }
  /** Whether they say the same: the order does not count, and both are read. */
  | { readonly text1: string; readonly text2: string; readonly label: string };

/** How two texts become one sequence. */
export interface PairOptions extends TextOptions {
  /** What lies between them. Default: the tokenizer's token that separates texts, `roles.sep`, where it has one, else a line break. */
  readonly delimiter?: string;
}

/**
 * Questions for `choiceTask`: each candidate becomes a sequence of context, delimiter and candidate, with the tokens that the
 * tokenizer adds. Special tokens of GPT-1 (`_start_`, `_delimiter_`, `_classify_`) are not added to the vocabulary. `truncate` leaves
 * out the beginning of a context, the same for all candidates. Throws `invalid-option`, naming an example by its number, which counts
 * from 1, where it is none, its answer is no candidate or several, or it has too many tokens.
 */
export function choiceExamples(questions: readonly ChoiceText[], tokenizer: Tokenizer, options: PairOptions): ChoiceExample[] {
  checkTokenizer(tokenizer);
  const { maxTokens, overflow } = readTextOptions(options);
  const between = delimiterOf(tokenizer, options);
  const { before = [], behind = [] } = tokenizer.around ?? {};
  const examples: ChoiceExample[] = [];
  eachExample("questions", questions, (question, at) => {
    const { context, choices } = question;
    const answer = checkQuestion(question, at);
    const first = plain(tokenizer, context);
    const candidates = choices.map((choice) => plain(tokenizer, choice));
    const around = before.length + between.length + behind.length;
    const longest = around + candidates.reduce((most, { length }) => Math.max(most, length), 0);
    if (longest + first.length > maxTokens && (overflow === "refuse" || longest > maxTokens)) throw tooLong(at, longest + first.length, maxTokens);
    const kept = first.slice(Math.max(0, longest + first.length - maxTokens));
    examples.push({ choices: candidates.map((choice) => Int32Array.from([...before, ...kept, ...between, ...choice, ...behind])), answer });
  });
  return examples;
}

/** Checks a question; the answer's number. */
export function checkQuestion({ context, choices, answer }: ChoiceText, at: string): number {
  check(`${at}: context`, context, text);
  check(`${at}: choices`, choices, listOf(text));
  const empty = choices.indexOf("");
  if (empty >= 0) throw invalidOption(`${at}: choices[${empty}] is empty`);
  if (choices.length < 2) throw invalidOption(`${at} has ${choices.length} choices, and needs two`);
  if (typeof answer !== "string") {
    check(`${at}: answer`, answer, wholeNumber(0, choices.length - 1));
    return answer;
  }
  const number = choices.indexOf(answer);
  if (number < 0) throw invalidOption(`${at} has the answer ${quote(answer)}, which is none of its choices`);
  if (choices.includes(answer, number + 1)) throw invalidOption(`${at} has the answer ${quote(answer)} twice among its choices; give its number`);
  return number;
}

/**
 * Pairs of texts with labels, for `classificationTask` (Radford et al. 2018, section 3.3). Entailment, `{ premise, hypothesis }`, is one
 * sequence with a delimiter between; similarity, `{ text1, text2 }`, is one in each order. `labels` are those of the model's head, in
 * their order. `truncate` leaves out the ends of both texts, of the longer one first. Throws as `labelledExamples` does.
 */
export function pairExamples(pairs: readonly LabelledPair[], labels: readonly string[], tokenizer: Tokenizer, options: PairOptions): LabelledExample[] {
  checkTokenizer(tokenizer);
  check("labels", labels, listOf(text));
  const { maxTokens, overflow } = readTextOptions(options);
  const between = delimiterOf(tokenizer, options);
  const { before = [], behind = [] } = tokenizer.around ?? {};
  const around = before.length + between.length + behind.length;
  const examples: LabelledExample[] = [];
  eachExample("pairs", pairs, (pair, at) => {
    const isEntailment = "premise" in pair;
    const texts: Record<string, string> = isEntailment ? { premise: pair.premise, hypothesis: pair.hypothesis } : { text1: pair.text1, text2: pair.text2 };
    for (const [name, content] of Object.entries(texts)) check(`${at}: ${name}`, content, text);
    const label = labelNumber(pair.label, labels, at);
    const [one, other] = Object.values(texts).map((content) => plain(tokenizer, content));
    const length = around + one.length + other.length;
    if (length > maxTokens && (overflow === "refuse" || around >= maxTokens)) throw tooLong(at, length, maxTokens);
    for (let excess = length - maxTokens; excess > 0; excess--) (one.length > other.length ? one : other).pop();
    const sequence = (first: readonly number[], second: readonly number[]): Int32Array => Int32Array.from([...before, ...first, ...between, ...second, ...behind]);
    examples.push({ ids: sequence(one, other), ...(!isEntailment && { reversed: sequence(other, one) }), label });
  });
  return examples;
}

function delimiterOf(tokenizer: Tokenizer, { delimiter }: PairOptions): readonly number[] {
  check("delimiter", delimiter, optional(text));
  const { sep } = tokenizer.roles;
  return delimiter === undefined && sep !== undefined ? [sep] : plain(tokenizer, delimiter ?? "\n");
}
