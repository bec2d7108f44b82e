import type { GPT, GPTConfig } from "@gpt/gpt";
import { isGptError } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import { choiceExamples, choiceTask, classificationTask, completionExamples, documentExamples, labelledExamples, nextTokenTask, splitRecords } from "@gpt/train";
import type { ChoiceExample, ChoiceText, Example, LabelledExample, PreferencePair, Task, TextOptions } from "@gpt/train";
import { chatExamples } from "@gpt/train/chat";
import type { DataRecord } from "@gpt/train/node";
import { CommandError } from "../errors.ts";
import { formatCount } from "../format.ts";
import type { Output } from "../output.ts";
import { chatTemplateOf } from "./chat-template.ts";
import type { FinetuneOptions, TaskName, TaskOptions } from "./options.ts";
import { fieldOf, labelOf, readAll, textOf } from "./records.ts";

/** A task, and the examples that it is made of. */
export interface TaskData {
  readonly task: Task;
  /** Of tasks that write: what is learnt, and what is written to be compared. */
  readonly train: readonly Example[];
  readonly validation: readonly Example[];
  /** Of texts with labels, what is validated on. */
  readonly labelled?: readonly LabelledExample[];
  /** Of preferred answers, before a reference has read them: the task is for planning alone. */
  readonly pairs?: PreferencePairs;
  /** The chat template that the tuned folder needs, where the model brings none. */
  readonly template?: string;
}

/** Pairs of answers, of which one is preferred. */
export interface PreferencePairs {
  readonly train: readonly PreferencePair[];
  readonly validation: readonly PreferencePair[];
}

/** The records of a run. */
export interface TaskRecords {
  readonly train: readonly DataRecord[];
  readonly validation: readonly DataRecord[];
}

/** Reads the records of a run, and divides them where none are given to validate on. */
export async function readTaskRecords(options: FinetuneOptions, output: Output): Promise<TaskRecords> {
  const records = await readAll(options.data, options, output);
  const others = options.validation ? await readAll(options.validation, options, output) : undefined;
  const divided = divide(records, others, options);
  output.note(`${formatCount(divided.train.length)} records to train on, ${formatCount(divided.validation.length)} to validate on`);
  return divided;
}

/** What is asked, by which records are divided: whatever else they say, the same text is on one side. */
const asked: Readonly<Record<TaskName, string>> = {
  lm: "text", classify: "text", choice: "context", completion: "prompt", preference: "prompt", chat: "messages",
};

const plainNumbers = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);

function divide(
  records: readonly DataRecord[], others: readonly DataRecord[] | undefined, { task, validationShare: share, seed }: FinetuneOptions,
): TaskRecords {
  if (others) return { train: records, validation: others };
  if (share === 0) return { train: records, validation: [] };
  const split = splitRecords(records.map(({ value }) => JSON.stringify(value[asked[task]] ?? value, plainNumbers)), { validation: share, seed });
  const chosen = (numbers: Uint32Array): DataRecord[] => Array.from(numbers, (number) => records[number]);
  return { train: chosen(split.train), validation: chosen(split.validation) };
}

/** The labels that a model learns: those of its head, or all that there are. Throws where there are fewer than two. */
export function labelsOf({ train, validation }: TaskRecords, { head }: GPTConfig, options: FinetuneOptions, output: Output): readonly string[] {
  const found = countsOf(train);
  remarkImbalance(found, options, output);
  if (head.type === "classes") return head.labels;
  // A rare one may be in what was divided off.
  const labels = [...countsOf(options.validation ? train : [...train, ...validation]).keys()].sort();
  if (labels.length < 2) throw new CommandError(`all records have the label ${JSON.stringify(labels[0])}; classification needs two labels`);
  return labels;
}

/** For whom examples are made, by which options, and where it is told how many are. */
export interface Making<Options = TaskOptions> {
  readonly options: Options;
  readonly model: GPT;
  readonly tokenizer: Tokenizer;
  readonly output: Output;
}

/** Makes examples of records, for the task that the options name. */
export async function taskOf(making: Making<FinetuneOptions>, records: TaskRecords): Promise<TaskData> {
  switch (making.options.task) {
    case "classify": return classification(making, records);
    case "choice": return choice(making, records);
    default: return writing(making, records);
  }
}

async function writing(making: Making<FinetuneOptions>, { train, validation }: TaskRecords): Promise<TaskData> {
  const { options, model, tokenizer } = making;
  const template = options.task === "chat" ? await chatTemplateOf(tokenizer, options.template) : undefined;
  if (options.task === "completion") remarkEndless(making);
  const examples = (records: readonly DataRecord[]): Example[] => examplesOf(records, making, template);
  return { ...writtenData(options, model, { train: examples(train), validation: examples(validation) }), template };
}

/** The task of examples that are there. */
export function writtenData(options: FinetuneOptions, { config }: GPT, data: Pick<TaskData, "train" | "validation">): TaskData {
  const { train, validation } = data;
  checkLearnt(train, options.data);
  const packTokens = options.pack ? (options.context ?? config.contextLength) : undefined;
  return { task: nextTokenTask({ train, ...(validation.length > 0 && { validation }) }, { packTokens }), ...data };
}

/** Refuses files of texts that are all empty. */
export function checkLearnt(examples: readonly Example[], files: readonly string[]): void {
  if (examples.length === 0) throw new CommandError(`${files.join(", ")}: no text has two tokens or more, and so there is nothing to learn`);
}

/** Says where no token can tell a model that an answer is at its end. */
export function remarkEndless({ tokenizer: { endOfText }, output }: Making): void {
  if (endOfText === undefined) output.remark("the model's tokenizer has no token that ends a text, so that the model does not learn where an answer ends");
}

/** How long examples may be. */
export function lengthsOf({ options: { context, truncate }, model: { config } }: Making): Required<TextOptions> {
  return { maxTokens: context ?? config.contextLength, overflow: truncate ? "truncate" : "refuse" };
}

/** The examples of a task that writes. */
export function examplesOf(records: readonly DataRecord[], making: Making, template?: string): Example[] {
  const { tokenizer } = making;
  const options = lengthsOf(making);
  return madeOf(records, making, (record) => {
    switch (making.options.task) {
      case "completion":
        return completionExamples([{ prompt: textOf(record, "prompt"), completion: textOf(record, "completion") }], tokenizer, options);
      case "chat":
        return chatExamples([{ ...record.value, messages: fieldOf(record, "messages") }], tokenizer, { ...options, template });
      default:
        return documentExamples([textOf(record, "text")], tokenizer, options);
    }
  });
}

function classification(making: Making<FinetuneOptions>, { train, validation }: TaskRecords): TaskData {
  const { options, model: { config: { head } } } = making;
  const labels = head.type === "classes" ? head.labels : [];
  const examples = (records: readonly DataRecord[]): LabelledExample[] => labelledOf(records, labels, making);
  const labelled = examples(validation);
  const task = classificationTask(
    { train: examples(train), ...(validation.length > 0 && { validation: labelled }) },
    { classWeights: options.classWeights, languageModelWeight: options.lmWeight },
  );
  return { task, train: [], validation: [], labelled };
}

/** The examples of a task that classifies. */
export function labelledOf(records: readonly DataRecord[], labels: readonly string[], making: Making): LabelledExample[] {
  const options = lengthsOf(making);
  return madeOf(records, making, (record) =>
    labelledExamples([{ text: textOf(record, "text"), label: labelOf(record, "label") }], labels, making.tokenizer, options));
}

function choice(making: Making<FinetuneOptions>, { train, validation }: TaskRecords): TaskData {
  const { options } = making;
  const examples = (records: readonly DataRecord[]): ChoiceExample[] => choicesOf(records, making);
  const task = choiceTask(
    { train: examples(train), ...(validation.length > 0 && { validation: examples(validation) }) }, { languageModelWeight: options.lmWeight },
  );
  return { task, train: [], validation: [] };
}

/** Questions with candidates, as a head that scores reads them. */
export function choicesOf(records: readonly DataRecord[], making: Making): ChoiceExample[] {
  const options = lengthsOf(making);
  return madeOf(records, making, (record) => choiceExamples([questionOf(record)], making.tokenizer, options));
}

/** A question of a record; @gpt/train says what is wrong with its parts. */
export function questionOf(record: DataRecord): ChoiceText {
  const [choices, answer] = [fieldOf(record, "choices"), fieldOf(record, "answer")];
  return { context: textOf(record, "context"), choices, answer } as ChoiceText;
}

function countsOf(records: readonly DataRecord[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const record of records) {
    const label = labelOf(record, "label");
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return counts;
}

/** From this ratio of the commonest label to the rarest on, a model that knows nothing of the rare ones does well. */
const imbalance = 4;

function remarkImbalance(counts: ReadonlyMap<string, number>, { classWeights }: FinetuneOptions, output: Output): void {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const [[most, many], [least, few]] = [sorted[0], sorted.at(-1)!];
  if (many < imbalance * few || classWeights) return;
  output.remark(`${JSON.stringify(most)} has ${formatCount(many)} records, ${JSON.stringify(least)} ${formatCount(few)}; --class-weights balanced lets all labels weigh alike`);
}

/** What is made of records, one by one. A record that is refused is named. */
export function madeOf<T>(records: readonly DataRecord[], { output }: Making, make: (record: DataRecord) => readonly T[]): T[] {
  const made: T[] = [];
  for (const [done, record] of records.entries()) {
    output.progress(`making examples of records: ${formatCount(done)} of ${formatCount(records.length)}`);
    made.push(...at(record, () => make(record)));
  }
  return made;
}

function at<T>({ file, line }: DataRecord, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CommandError || !isGptError(error)) throw error;
    const problem = error.message.replace(/^(pairs|texts|conversations|questions|preferences): example 1:? ?/, "").replace('overflow: "truncate"', "--truncate");
    throw new CommandError(`${file}:${line}: ${problem}`, { cause: error });
  }
}
