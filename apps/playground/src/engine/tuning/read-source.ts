import { readRecords } from "@gpt/train/web";
import type { DataRecord, RecordOptions } from "@gpt/train/web";
import type { TuningSource, TuningTask } from "../api/tuning.ts";
import { EngineError, failureOf } from "../failure.ts";
import { readDialogues } from "./dialogues.ts";

/** More is for the command. */
const largest = 64 * 2 ** 20;

/** The records of a text, by what it looks like, or of files, by their endings. */
export async function* readSource(task: TuningTask, source: TuningSource): AsyncGenerator<DataRecord, void, undefined> {
  if (typeof source === "string") return yield* recordsIn(task, source, "");
  const size = source.reduce((sum, file) => sum + file.size, 0);
  if (size > largest) throw new EngineError({ code: "too-much-data", message: `the files have ${size} bytes, and at most ${largest} are read here` });
  for (const file of source) {
    if (/\.(?:jsonl?|ndjson|csv)$/i.test(file.name)) yield* readRecords([file]);
    else yield* recordsIn(task, await textOf(file), file.name);
  }
}

async function textOf(file: File): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new EngineError({ code: "invalid-utf8", message: `${file.name} is no text in UTF-8; convert it, or take JSONL, CSV or TSV` });
  }
}

async function* recordsIn(task: TuningTask, text: string, name: string): AsyncGenerator<DataRecord, void, undefined> {
  if (task === "messages" && !/^\s*[[{]/.test(text)) {
    for (const record of readDialogues(text)) yield { ...record, file: name };
    return;
  }
  const format = formatOf(text);
  try {
    yield* readRecords([new File([text], name || "text")], format);
  } catch (error) {
    const { code, message } = failureOf(error);
    if (!format.header || code !== "invalid-record") throw error;
    throw new EngineError({ code: "no-tab", message });
  }
}

/** Lines of JSON; a table with a line of names; or a label, a tab and a text a line. */
function formatOf(text: string): RecordOptions {
  if (/^\s*[[{]/.test(text)) return { format: "json" };
  const [first = ""] = text.trimStart().split("\n", 1);
  const isHeader = (delimiter: string): boolean => {
    const names = first.split(delimiter).map((name) => name.trim().replace(/^"(.*)"$/, "$1"));
    return names.includes("text") && names.includes("label");
  };
  if (isHeader("\t")) return { format: "tsv" };
  if (isHeader(",")) return { format: "csv" };
  return { format: "tsv", header: ["label", "text"], quotes: false };
}
