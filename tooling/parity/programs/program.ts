/** Numbers that JSON has none for are strings: "NaN", "Infinity", "-Infinity", "-0". */
export type JsonNumber = number | string;

/** The arguments of an op, by the names that it has here. */
export type Arguments = Readonly<Record<string, unknown>>;

/** One step: an op, the earlier steps whose results are its inputs, and its arguments. */
export interface Step {
  readonly op: string;
  readonly in: readonly number[];
  readonly args?: Arguments;
  /** Whether it runs under `noGrad`. */
  readonly noGrad?: boolean;
}

/** A program over the public ops, as data, which is run here and in PyTorch. */
export interface Program {
  /** What it was generated from, or the name of one that was written. */
  readonly seed: number | string;
  readonly steps: readonly Step[];
}

export function toJsonNumber(value: number): JsonNumber {
  return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value);
}

/** A program for people to read: a line for each step. */
export function formatProgram({ seed, steps }: Program): string {
  const lines = steps.map(({ op, in: inputs, args, noGrad }, i) => {
    const parts = [...inputs.map((input) => `%${input}`), ...(args ? [formatArguments(args)] : [])];
    return `  %${i} = ${op}(${parts.join(", ")})${noGrad ? " under noGrad" : ""}`;
  });
  return [`program ${seed}:`, ...lines].join("\n");
}

/** JSON, runs of equal numbers counted. */
function formatArguments(args: Arguments): string {
  return JSON.stringify(args).replace(/(?<=[[,])([^[\]{},:]+)(?:,\1){3,}(?=[\],])/g, (run, value: string) => {
    return `${value} × ${run.split(",").length}`;
  });
}
