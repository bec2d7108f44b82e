import { text } from "@gpt/tensor";
import type { GPT } from "@gpt/gpt";
import type { Tokenizer } from "@gpt/tokenizer";
import { check, checkWrites, invalidOption, modelExpected } from "./checks.ts";
import { eachExample } from "./data/examples.ts";
import type { Example } from "./data/examples.ts";
import { checkQuestion } from "./data/pair-examples.ts";
import type { ChoiceText } from "./data/pair-examples.ts";
import { beginningOf, checkTokenizer, masked, plain, readTextOptions, tooLong } from "./data/text-examples.ts";
import type { TextOptions } from "./data/text-examples.ts";
import type { TaskEvaluationOptions } from "./loop/task.ts";
import { evaluateBatches } from "./tasks/evaluated.ts";
import { checkReadable, logProbabilities } from "./tasks/log-probabilities.ts";
import { readLength } from "./tasks/next-token-task.ts";

/** A question whose candidates are told apart by how likely a language model finds them behind a context. */
export interface ChoiceQuestion {
  readonly choices: readonly Continuation[];
  /** The right one's number, from 0. */
  readonly answer: number;
}

/** A candidate behind its context, of which the candidate is masked as learnt, and the candidate's length as a text. */
interface Continuation {
  readonly example: Example;
  /** Unicode code points. */
  readonly characters: number;
  /** Bytes of UTF-8. */
  readonly bytes: number;
}

/** What a model makes of questions. Shares are from 0 to 1. */
export interface ChoiceScores {
  /** Questions whose right candidate is the likeliest. */
  readonly acc: number;
  /** The same by log-probability for a character of the candidate. */
  readonly accNorm: number;
  /** The same by log-probability for a byte. */
  readonly accBytes: number;
  /** Of each question, the log-probability of each candidate in nats. */
  readonly logProbabilities: readonly (readonly number[])[];
}

/**
 * Questions as lm-evaluation-harness asks them: each candidate is a continuation of the context, with a delimiter between, a space by
 * default. Both become tokens together; what the whole has more than the context is the candidate, and so are spaces at the context's end.
 * `truncate` leaves out the beginning of a context. Throws `invalid-option`, naming an example by its number, which counts from 1.
 */
export function choiceQuestions(
  questions: readonly ChoiceText[], tokenizer: Tokenizer, options: TextOptions & { readonly delimiter?: string },
): ChoiceQuestion[] {
  checkTokenizer(tokenizer);
  const { maxTokens, overflow } = readTextOptions(options);
  const { delimiter = " " } = options;
  check("delimiter", delimiter, text);
  const found: ChoiceQuestion[] = [];
  eachExample("questions", questions, (question, at) => {
    const answer = checkQuestion(question, at);
    const context = question.context.trimEnd();
    const choices = question.choices.map((choice, i) => {
      if (choice === "") throw invalidOption(`${at}: choices[${i}] is empty`);
      const whole = plain(tokenizer, question.context + delimiter + choice);
      const before = plain(tokenizer, context).length;
      const start = beginningOf(tokenizer, before > 0, at);
      const length = start.length + whole.length;
      const excess = Math.max(0, length - 1 - maxTokens);
      if (excess > 0 && (overflow === "refuse" || excess > before - (start.length > 0 ? 0 : 1))) throw tooLong(at, length - 1, maxTokens);
      const example = masked([...start, ...whole.slice(excess, before)], whole.slice(before));
      return { example, characters: [...choice].length, bytes: new TextEncoder().encode(choice).length };
    });
    found.push({ choices, answer });
  });
  return found;
}

/**
 * Multiple choice by a language model that was not trained for it: which candidate it finds the likeliest, as
 * lm-evaluation-harness measures it (`acc`, `acc_norm`, `acc_bytes`). Of candidates that are equally likely the first one counts. Throws `invalid-option`,
 * `empty-data` and `token-out-of-range`.
 */
export async function choiceScores(
  model: GPT, questions: readonly ChoiceQuestion[], options: Pick<TaskEvaluationOptions, "signal" | "onProgress"> = {},
): Promise<ChoiceScores> {
  check("model", model, modelExpected);
  checkWrites(model);
  eachExample("questions", questions, ({ choices }, at) =>
    choices.forEach(({ example }, i) => checkReadable(`${at}: choices[${i}]`, example, model, model.config.contextLength)));
  const candidates = questions.flatMap(({ choices }) => choices);
  const values: number[] = [];
  await evaluateBatches(
    model, candidates, ({ example }) => readLength(example), (some) => logProbabilities(model, some.map(({ example }) => example)),
    (found) => values.push(...found), options,
  );
  let first = 0;
  const ofQuestions = questions.map(({ choices }) => values.slice(first, (first += choices.length)));
  const share = (lengthOf: (choice: Continuation) => number): number => {
    const right = questions.filter(({ choices, answer }, i) => {
      const scores = choices.map((choice, c) => ofQuestions[i][c] / lengthOf(choice));
      return scores.indexOf(Math.max(...scores)) === answer;
    });
    return right.length / questions.length;
  };
  return {
    acc: share(() => 1), accNorm: share(({ characters }) => characters), accBytes: share(({ bytes }) => bytes), logProbabilities: ofQuestions,
  };
}
