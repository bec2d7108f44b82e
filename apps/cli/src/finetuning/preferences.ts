import type { GPT } from "@gpt/gpt";
import { activeAdapter, setAdapter } from "@gpt/gpt/lora";
import { preferenceExamples, preferenceTask, withReference } from "@gpt/train";
import type { OnEvaluated, PreferenceExample, PreferencePair, Task } from "@gpt/train";
import { chatPreferenceExamples } from "@gpt/train/chat";
import type { DataRecord } from "@gpt/train/node";
import { formatCount } from "../format.ts";
import { interruptible } from "../interruption.ts";
import type { Output } from "../output.ts";
import { chatTemplateOf } from "./chat-template.ts";
import type { FinetuneOptions } from "./options.ts";
import { fieldOf, textOf } from "./records.ts";
import { lengthsOf, madeOf, remarkEndless } from "./task-data.ts";
import type { Making, PreferencePairs, TaskData, TaskRecords } from "./task-data.ts";

/** Makes pairs of records. Of the model, the configuration is read alone. */
export async function preferencesOf(making: Making<FinetuneOptions>, records: TaskRecords): Promise<TaskData> {
  const { options, tokenizer } = making;
  const isChat = records.train.some(({ value }) => Array.isArray(value.prompt));
  const template = isChat ? await chatTemplateOf(tokenizer, options.template) : undefined;
  if (!isChat) remarkEndless(making);
  const pairsIn = (of: readonly DataRecord[]): PreferencePair[] => madeOf(of, making, (record) => pairsOf(record, making, template));
  const pairs = { train: pairsIn(records.train), validation: pairsIn(records.validation) };
  const task = preferenceTask({ train: pairs.train.map((pair) => ({ ...pair, reference: [0, 0] })) });
  return { task, train: pairs.train.flatMap(({ chosen, rejected }) => [chosen, rejected]), validation: [], template, pairs };
}

/** The task of pairs, with what `reference` makes of them, the model as it was before it was tuned; an adapter that it has is left out. */
export async function readByReference(
  { beta, labelSmoothing }: FinetuneOptions, reference: GPT, { train, validation }: PreferencePairs, output: Output,
): Promise<Task> {
  const onProgress: OnEvaluated = ({ tokens, totalTokens }) =>
    output.progress(`reading the answers as the model finds them now: ${formatCount(tokens)} of ${formatCount(totalTokens)} tokens`);
  const adapter = activeAdapter(reference);
  if (adapter !== undefined) setAdapter(reference, undefined);
  const read = (some: readonly PreferencePair[]): Promise<PreferenceExample[]> =>
    interruptible(() => output.note("Stopping."), (signal) => withReference(reference, some, { signal, onProgress }));
  try {
    const examples = { train: await read(train), ...(validation.length > 0 && { validation: await read(validation) }) };
    output.endPanel();
    return preferenceTask(examples, { beta, labelSmoothing });
  } finally {
    if (adapter !== undefined) setAdapter(reference, adapter);
  }
}

function pairsOf(record: DataRecord, making: Making, template: string | undefined): PreferencePair[] {
  const { tokenizer } = making;
  const lengths = lengthsOf(making);
  if (Array.isArray(fieldOf(record, "prompt"))) {
    const [chosen, rejected] = [fieldOf(record, "chosen"), fieldOf(record, "rejected")];
    return chatPreferenceExamples([{ ...record.value, chosen, rejected }], tokenizer, { ...lengths, template });
  }
  return preferenceExamples([{ prompt: textOf(record, "prompt"), chosen: textOf(record, "chosen"), rejected: textOf(record, "rejected") }], tokenizer, lengths);
}
