import { chatExamples } from "@gpt/train/chat";
import type { Conversation } from "@gpt/train/chat";
import { labelledExamples, splitRecords } from "@gpt/train";
import type { Example, LabelledExample } from "@gpt/train";
import type { DataRecord } from "@gpt/train/web";
import type { Tokenizer } from "@gpt/tokenizer";
import type { DataProblem, DataReport, TuningSample, TuningSource, TuningTask } from "../api/tuning.ts";
import { EngineError, failureOf } from "../failure.ts";
import { readSource } from "./read-source.ts";

/** Examples that are shown. */
const shown = 3;
/** Tokens of them. */
const longestShown = 300;

export interface LabelledData {
  readonly task: "labels";
  readonly labels: readonly string[];
  readonly texts: readonly { readonly text: string; readonly label: string }[];
  readonly examples: readonly LabelledExample[];
}

export interface ChatData {
  readonly task: "messages";
  readonly chats: readonly Conversation[];
  /** Those of each dialogue. */
  readonly examples: readonly (readonly Example[])[];
}

export type Data = LabelledData | ChatData;

/** What a model reads. */
export interface Reader {
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
}

/** Reads data as far as they are right. */
export async function readData(task: TuningTask, source: TuningSource, reader: Reader): Promise<{ data: Data; report: Omit<DataReport, "plainTemplate"> }> {
  const records: DataRecord[] = [];
  let problem: DataProblem | undefined;
  try {
    for await (const record of readSource(task, source)) records.push(record);
  } catch (error) {
    problem = problemOf(error);
  }
  return task === "labels" ? labelled(records, problem, reader) : chats(records, problem, reader);
}

function labelled(records: readonly DataRecord[], problem: DataProblem | undefined, { tokenizer, contextLength }: Reader) {
  const read: { text: string; label: string }[] = [];
  for (const { value, line } of records) {
    const { text, label } = value;
    const isLabel = typeof label === "string" || typeof label === "number" || typeof label === "boolean";
    const missing = typeof text !== "string" || text.trim() === "" ? "text" : !isLabel || String(label).trim() === "" ? "label" : undefined;
    if (missing) {
      problem = { code: `no-${missing}`, line, message: `line ${line} has no ${missing}` };
      break;
    }
    read.push({ text: (text as string).trim(), label: String(label).trim() });
  }
  const counts = new Map<string, number>();
  for (const { label } of read) counts.set(label, (counts.get(label) ?? 0) + 1);
  const labels = [...counts.keys()].sort();
  const examples = read.length === 0 ? [] : labelledExamples(read, labels, tokenizer, { maxTokens: contextLength + 1, overflow: "truncate" });
  const cut = examples.filter(({ ids }) => ids.length > contextLength).length;
  const own = examples.map((example) => ({ ...example, ids: example.ids.slice(0, contextLength) }));
  const samples = own.slice(0, shown).map(({ ids, label }): TuningSample => ({
    label: labels[label], tokens: ids.length, parts: [{ text: decode(tokenizer, ids.subarray(0, longestShown)), learnt: false }],
  }));
  const data: LabelledData = { task: "labels", labels, texts: read, examples: own };
  const found = [...counts].sort(([, a], [, b]) => b - a).map(([label, count]) => ({ label, count }));
  return { data, report: { examples: read.length, labels: found, samples, cut, problem } };
}

function chats(records: readonly DataRecord[], problem: DataProblem | undefined, { tokenizer, contextLength }: Reader) {
  const read: Conversation[] = [];
  const examples: Example[][] = [];
  let cut = 0;
  for (const { value, line } of records) {
    try {
      if (!Object.hasOwn(value, "messages")) throw new EngineError({ code: "no-messages", message: `line ${line} has no messages` });
      const found = chatExamples([value], tokenizer, { maxTokens: contextLength, overflow: "truncate" });
      const whole = chatExamples([value], tokenizer, { maxTokens: contextLength + 1, overflow: "truncate" });
      cut += Number(whole.some(({ ids }, i) => ids.length > (found[i]?.ids.length ?? 0)));
      read.push(value as unknown as Conversation);
      examples.push(found);
    } catch (error) {
      problem = { ...problemOf(error), line };
      break;
    }
  }
  const samples = examples.flat().slice(0, shown).map((example) => sampleOf(example, tokenizer));
  const data: ChatData = { task: "messages", chats: read, examples };
  return { data, report: { examples: read.length, labels: [], samples, cut, problem } };
}

function sampleOf({ ids, mask }: Example, tokenizer: Tokenizer): TuningSample {
  const parts: { text: string; learnt: boolean }[] = [];
  const end = Math.min(ids.length, longestShown);
  for (let start = 0, next = 0; start < end; start = next) {
    const learnt = mask?.[start] === 1;
    while (next < end && (mask?.[next] === 1) === learnt) next++;
    parts.push({ text: decode(tokenizer, ids.subarray(start, next)), learnt });
  }
  return { parts, tokens: ids.length };
}

const decode = (tokenizer: Tokenizer, ids: Int32Array): string => tokenizer.decode([...ids], { withoutToken: "skip" });

function problemOf(error: unknown): DataProblem {
  const { code, message } = failureOf(error);
  const line = /\bline (\d+)/.exec(message)?.[1];
  const hasNothing = code === "invalid-option" && /nothing to learn|no answer within/.test(message);
  return {
    code: hasNothing ? "nothing-learnt" : code,
    message: message.replace(/^conversations: example 1:? ?/, ""),
    ...(line !== undefined && { line: Number(line) }),
  };
}

/** The examples to train on, and those that are kept back. */
export interface Divided {
  readonly train: readonly number[];
  readonly validation: readonly number[];
}

/** Divides examples by a seed; the same text is on one side. */
export function divide(data: Data, share: number, seed: number): Divided {
  const texts = data.task === "labels" ? data.texts.map(({ text }) => text) : data.chats.map((chat) => JSON.stringify(chat));
  if (share === 0) return { train: [...texts.keys()], validation: [] };
  try {
    const { train, validation } = splitRecords(texts, { validation: share, seed });
    return { train: [...train], validation: [...validation] };
  } catch (error) {
    const { code, message } = failureOf(error);
    throw code === "data-too-short" ? new EngineError({ code: "too-few-examples", message }) : error;
  }
}
