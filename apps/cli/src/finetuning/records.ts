import { readRecords } from "@gpt/train/node";
import type { DataRecord } from "@gpt/train/node";
import { isGptError, quote } from "@gpt/tensor";
import { CommandError, UsageError } from "../errors.ts";
import { formatCount } from "../format.ts";
import type { Output } from "../output.ts";
import type { TaskOptions } from "./options.ts";

/** All records of some files. */
export async function readAll(files: readonly string[], { columns, task }: Pick<TaskOptions, "columns" | "task">, output: Output): Promise<DataRecord[]> {
  const records: DataRecord[] = [];
  const onProgress = ({ bytes, totalBytes }: { readonly bytes: number; readonly totalBytes: number }): void =>
    output.progress(`reading ${files.join(", ")}: ${Math.floor((100 * bytes) / Math.max(1, totalBytes))}%, ${formatCount(records.length)} records`);
  const wanted = columns === undefined ? undefined : columnsOf(columns);
  try {
    // A template reads whatever a dialogue has beside its messages: tools for instance.
    const isWhole = task === "chat" || task === "preference";
    for await (const record of readRecords(files, { columns: isWhole ? undefined : wanted, onProgress })) {
      records.push(wanted && isWhole ? renamed(record, wanted) : record);
    }
  } catch (error) {
    if (!isGptError(error)) throw error;
    throw new CommandError(inWordsHere(error.message), { cause: error });
  }
  output.endPanel();
  return records;
}

/** What a message of @gpt/train says of its options, which the command does not have. */
function inWordsHere(message: string): string {
  return message.replace(/, or raise (?:maxRecordBytes|maxGroupBytes)$|, or pass quotes: false where they mean nothing$/, "").replace(/pass format$/, "rename it");
}

/** `text=sentence,label=class` */
function columnsOf(list: string): Record<string, string> {
  return Object.fromEntries(list.split(",").map((part) => {
    const [, name, column] = /^\s*([^=\s]+)\s*=\s*(.+?)\s*$/.exec(part) ?? [];
    if (name === undefined) throw new UsageError(`--columns: ${quote(part)} is not NAME=COLUMN, as in text=sentence`);
    return [name, column];
  }));
}

/** A record with some fields by other names. */
function renamed({ value, ...place }: DataRecord, columns: Readonly<Record<string, string>>): DataRecord {
  const names = new Map(Object.entries(columns).map(([name, column]) => [column, name]));
  const fields = Object.entries<unknown>(value).map(([column, content]) => [names.get(column) ?? column, content] as const);
  return { ...place, value: Object.fromEntries(fields) };
}

/** A text of a record. */
export function textOf(record: DataRecord, name: string): string {
  const value = fieldOf(record, name);
  if (typeof value === "string") return value;
  throw wrongField(record, name, `a text, not ${quote(value)}`);
}

/** A label of a record, which may be a number. */
export function labelOf(record: DataRecord, name: string): string {
  const value = fieldOf(record, name);
  if (value === "" || Number.isNaN(value)) throw wrongField(record, name, "a label, and there is none");
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  throw wrongField(record, name, `a label, not ${quote(value)}`);
}

export function fieldOf(record: DataRecord, name: string): unknown {
  if (Object.hasOwn(record.value, name)) return record.value[name];
  const names = Object.keys(record.value).map((name) => quote(name)).join(", ");
  throw wrongField(record, name, `there; the record has ${names || "nothing"}. --columns ${name}=COLUMN says what it is called`);
}

export function wrongField({ file, line }: DataRecord, name: string, expected: string): CommandError {
  return new CommandError(`${file}:${line}: ${name} must be ${expected}`);
}
