import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** A Python that has PyTorch, or undefined: the one that GPT_PYTHON names, or else the first of the usual ones. */
export function findPython(): string | undefined {
  const { GPT_PYTHON } = process.env;
  const probe = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)";
  const candidates = GPT_PYTHON ? [GPT_PYTHON] : ["python3", "/usr/bin/python3", "python"];
  return candidates.find((python) => spawnSync(python, ["-c", probe]).status === 0);
}

/** PyTorch's side. */
export const script = join(import.meta.dirname, "make-fixtures.py");

/** The logits, `[B][T][vocabSize]`, that PyTorch computes from each of some folders, with an adapter for each if given. */
export async function logitsInPython(
  python: string, directories: readonly string[], ids: number[][], adapters: readonly string[] = [],
): Promise<number[][][][]> {
  const more = adapters.length > 0 ? ["--adapters", ...adapters] : [];
  const { stdout } = await promisify(execFile)(python, [script, "--check", ...directories, "--ids", JSON.stringify(ids), ...more]);
  return stdout.trim().split("\n").map((line) => JSON.parse(line) as number[][][]);
}
