import { spawnSync } from "node:child_process";

/** A Python that has PyTorch, or undefined: the one that GPT_PYTHON names, or else the first of the usual ones. */
export function findPython(): string | undefined {
  const { GPT_PYTHON } = process.env;
  const probe = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)";
  const candidates = GPT_PYTHON ? [GPT_PYTHON] : ["python3", "/usr/bin/python3", "python"];
  return candidates.find((python) => spawnSync(python, ["-c", probe]).status === 0);
}
