import type { GPT } from "@gpt/gpt";
import type { Tokenizer } from "@gpt/tokenizer";
import type { Example } from "@gpt/train";
import { formatAnswer, formatCount } from "../format.ts";
import { interruptible } from "../interruption.ts";
import type { Output } from "../output.ts";
import { scoreAnswers, writeAnswers } from "./answers.ts";
import type { AnswerScores } from "./answers.ts";
import type { FinetuneOptions } from "./options.ts";

/** Writes answers to some examples of a task that has any, and says how alike they are to those expected. */
export async function measureAnswers(
  model: GPT, examples: readonly Example[], { task, answers: count }: Pick<FinetuneOptions, "task" | "answers">, tokenizer: Tokenizer, output: Output,
): Promise<AnswerScores | undefined> {
  if ((task !== "chat" && task !== "completion") || count === 0 || examples.length === 0) return undefined;
  const chosen = examples.slice(0, count);
  const answers = await interruptible(() => output.note("Stopping."), (signal) =>
    writeAnswers(model, tokenizer, chosen, { signal, onAnswer: (done) => output.progress(`written ${formatCount(done)} of ${formatCount(chosen.length)} answers`) }));
  output.endPanel();
  for (const { prompt, expected, text } of answers.slice(0, 3)) output.note(`  ${formatAnswer(prompt, text, text === expected ? undefined : expected)}`);
  const scores = scoreAnswers(answers);
  const names = { exactMatch: "exact match", f1: "F1", rougeL: "ROUGE-L", bleu: "BLEU", chrf: "chrF" } as const;
  const figures = Object.entries(names).map(([key, name]) => `${name} ${(100 * scores[key as keyof typeof names]).toFixed(1)}%`);
  output.note(`${formatCount(answers.length)} answers: ${figures.join(", ")}`);
  return scores;
}
