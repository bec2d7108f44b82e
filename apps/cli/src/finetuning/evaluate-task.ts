import type { GPT } from "@gpt/gpt";
import type { Tokenizer } from "@gpt/tokenizer";
import { choiceQuestions, choiceScores, choiceTask, nextTokenTask, scoreLabels } from "@gpt/train";
import type { OnEvaluated, TaskEvaluationOptions, TrainSettings } from "@gpt/train";
import type { DataRecord } from "@gpt/train/node";
import { classificationReport, classProbabilities, expectedCalibrationError, perplexity } from "@gpt/train/metrics";
import { UsageError } from "../errors.ts";
import { formatCount } from "../format.ts";
import { interruptible } from "../interruption.ts";
import type { Output } from "../output.ts";
import { chatTemplateOf } from "./chat-template.ts";
import { measureAnswers } from "./measure-answers.ts";
import type { TaskOptions } from "./options.ts";
import { readAll } from "./records.ts";
import { checkLearnt, choicesOf, examplesOf, labelledOf, lengthsOf, madeOf, questionOf } from "./task-data.ts";
import type { Making } from "./task-data.ts";

interface Options extends TaskOptions {
  readonly data: string[];
  readonly answers: number;
}

/** Measures how well a model does a task, and prints it. */
export async function evaluateTask(options: Options, model: GPT, tokenizer: Tokenizer, output: Output): Promise<void> {
  const making = { options, model, tokenizer, output };
  if (options.task === "lm" && options.data.some((file) => file.endsWith(".bin"))) throw new UsageError("files of token ids are measured without --task");
  const records = await readAll(options.data, options, output);
  const onProgress: OnEvaluated = ({ tokens, totalTokens }) => output.progress(`measured ${formatCount(tokens)} of ${formatCount(totalTokens)} tokens`);
  const measuring = <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => interruptible(() => output.note("Stopping."), work);
  if (options.task === "classify") {
    const { head } = model.config;
    if (head.type !== "classes") throw new UsageError("the model has no classes: --task classify measures models that gpt finetune --task classify made");
    const examples = labelledOf(records, head.labels, making);
    const scores = await measuring((signal) => scoreLabels(model, examples, { signal, onProgress }));
    output.endPanel();
    return reportLabels(head.labels, scores, examples.map(({ label }) => label), output);
  }
  if (options.task === "preference") throw new UsageError("preferences are measured against what a model was before: gpt finetune --task preference does it, by --validation");
  if (options.task === "choice") return measuring((signal) => evaluateChoices(records, making, { signal, onProgress }));
  const template = options.task === "chat" ? await chatTemplateOf(tokenizer, options.template) : undefined;
  const examples = examplesOf(records, making, template);
  checkLearnt(examples, options.data);
  const task = nextTokenTask({ train: examples, validation: examples });
  const { context: contextLength = model.config.contextLength } = options;
  task.check?.(model, { contextLength } as TrainSettings);
  const { loss, count: tokens } = await measuring((signal) => task.evaluate!(model, { contextLength, limit: Infinity, signal, onProgress }));
  output.endPanel();
  output.text(`loss ${loss.toFixed(4)} nats a token, perplexity ${perplexity(loss).toFixed(3)}, ${formatCount(tokens)} tokens\n`);
  const scores = await measureAnswers(model, examples, options, tokenizer, output);
  output.record({ loss, perplexity: perplexity(loss), tokens, ...scores });
}

/** By the head that was trained to score candidates, or else by how likely a language model finds them. */
async function evaluateChoices(
  records: readonly DataRecord[], making: Making, evaluation: Pick<TaskEvaluationOptions, "signal" | "onProgress">,
): Promise<void> {
  const { model, tokenizer, output } = making;
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  const questions = records.length;
  if (model.config.head.type === "classes") {
    const examples = choicesOf(records, making);
    const task = choiceTask({ train: examples, validation: examples });
    const { contextLength } = model.config;
    task.check?.(model, { contextLength } as TrainSettings);
    const { loss, metrics } = await task.evaluate!(model, { contextLength, limit: Infinity, ...evaluation });
    output.endPanel();
    output.text(`accuracy ${percent(metrics!.accuracy)}, loss ${loss.toFixed(4)}, ${formatCount(questions)} questions\n`);
    return output.record({ ...metrics, loss, questions });
  }
  const asked = madeOf(records, making, (record) => choiceQuestions([questionOf(record)], tokenizer, lengthsOf(making)));
  const { acc, accNorm, accBytes } = await choiceScores(model, asked, evaluation);
  output.endPanel();
  output.text(`acc ${percent(acc)}, acc_norm ${percent(accNorm)}, acc_bytes ${percent(accBytes)}, ${formatCount(questions)} questions\n`);
  output.record({ acc, accNorm, accBytes, questions });
}

/** A table of labels, and the confusion matrix. */
function reportLabels(names: readonly string[], scores: readonly Float32Array[], expected: readonly number[], output: Output): void {
  const predicted = scores.map((row) => row.indexOf(Math.max(...row)));
  const numbers = names.map((_, i) => i);
  const { accuracy, macro, classes, confusion } = classificationReport(predicted, expected, { labels: numbers });
  const calibrationError = expectedCalibrationError(classProbabilities(scores, 1), [...expected]);
  const width = Math.max(...names.map((name) => name.length), 5);
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`.padStart(10);
  output.text(`accuracy ${percent(accuracy).trim()}, F1 ${percent(macro.f1).trim()} (mean of labels), calibration error ${percent(calibrationError).trim()}, ${formatCount(expected.length)} texts\n`);
  output.text(`${"label".padEnd(width)} precision    recall        F1     texts   taken for\n`);
  classes.forEach(({ precision, recall, f1, support }, i) => {
    const row = confusion.counts[i].map((count, other) => [names[other], count] as const).filter(([, count], other) => count > 0 && other !== i);
    const wrong = row.sort(([, a], [, b]) => b - a).slice(0, 3).map(([name, count]) => `${name} ${count}`).join(", ");
    output.text(`${names[i].padEnd(width)}${percent(precision)}${percent(recall)}${percent(f1)}${formatCount(support).padStart(10)}   ${wrong}\n`);
  });
  output.record({ accuracy, f1: macro.f1, calibrationError, texts: expected.length, labels: names, classes, confusion: confusion.counts });
}
