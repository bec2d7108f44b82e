/** Splits are named `NAME-00001-of-00003.gguf` (llama.cpp, llama_split_path). */
const pattern = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/** A name as that of one of several files. */
export function parseSplitName(name: string): { readonly prefix: string; readonly number: number; readonly count: number } | undefined {
  const [, prefix, number, count] = pattern.exec(name) ?? [];
  return prefix === undefined ? undefined : { prefix, number: Number(number), count: Number(count) };
}

/** The name of a file, counted from 1. */
export function splitName(prefix: string, number: number, count: number): string {
  return `${prefix}-${padded(number)}-of-${padded(count)}.gguf`;
}

/** The names of all files of a model that one of them belongs to, in their order; of a model in one file this one. */
export function partsOfSplit(name: string): string[] {
  const { prefix, count = 0 } = parseSplitName(name) ?? {};
  return prefix === undefined || count === 0 ? [name] : Array.from({ length: count }, (_, i) => splitName(prefix, i + 1, count));
}

function padded(number: number): string {
  return String(number).padStart(5, "0");
}
