import { weightDTypes } from "@gpt/tensor";
import type { WeightDType } from "@gpt/tensor";
import { wasmMaxBytes } from "@gpt/tensor/wasm";
import type { GPTConfig, ModelPlan, TrainingDescription } from "@gpt/gpt";
import { formatBytes } from "../format.ts";
import { bytesOf, machineBytes, runningNeed } from "../memory.ts";
import type { Row } from "./rows.ts";

/** What some work takes at least, and what that fits: the backend `wasm`, which is the default; the memory alone; or neither. */
interface Fit {
  readonly bytes: number;
  readonly fits: "wasm" | "memory" | "nothing";
}

/** What this machine has, and what of a model fits it. WebGPU does not tell the memory of a GPU. */
export interface MachineFit {
  readonly memoryBytes: number;
  /** What the backend `wasm` can hold of it. */
  readonly wasmBytes: number;
  /** Weights by dtype, with keys and values in f32 of one sequence of a full context. */
  readonly run: Readonly<Record<WeightDType, Fit>>;
  /** The same with the dtypes of a folder. */
  readonly runAsStored?: Fit;
  readonly train: Fit;
}

export function fitThisMachine(
  config: GPTConfig, dtypes: ModelPlan["dtypes"] | undefined, { f32: { total } }: TrainingDescription,
): MachineFit {
  const memoryBytes = machineBytes();
  const wasmBytes = Math.min(wasmMaxBytes, memoryBytes);
  const fitOf = (bytes: number): Fit => ({ bytes, fits: bytes <= wasmBytes ? "wasm" : bytes <= memoryBytes ? "memory" : "nothing" });
  const runFit = (dtype: WeightDType | ModelPlan["dtypes"]): Fit => fitOf(bytesOf(runningNeed(config, dtype, 1, "f32")));
  return {
    memoryBytes,
    wasmBytes,
    run: Object.fromEntries(weightDTypes.map((dtype) => [dtype, runFit(dtype)])) as MachineFit["run"],
    ...(dtypes ? { runAsStored: runFit(dtypes) } : {}),
    train: fitOf(total),
  };
}

const texts: Readonly<Record<Fit["fits"], string>> = {
  wasm: "fits",
  memory: "fits the memory, but not wasm",
  nothing: "does not fit",
};

/** For people; `cacheBytes` is that of a full context in f32. */
export function machineRows({ memoryBytes, wasmBytes, run, runAsStored, train }: MachineFit, cacheBytes: number): Row[] {
  const limit = wasmBytes < memoryBytes ? `; the backend wasm, the default, can hold ${formatBytes(wasmBytes)} of it` : "";
  const kinds = (["wasm", "memory", "nothing"] as const).flatMap((fits) => {
    const dtypes = weightDTypes.filter((dtype) => run[dtype].fits === fits);
    if (dtypes.length === 0) return [];
    return [`${texts[fits]} as ${dtypes.length === weightDTypes.length ? "any dtype" : dtypes.join(", ")}`];
  });
  const stored = runAsStored ? [`${texts[runAsStored.fits]} as it is stored`] : [];
  return [
    ["this machine", `${formatBytes(memoryBytes)} of memory${limit}`],
    ["  to run", `${[...stored, ...kinds].join("; ")}: weights, and ${formatBytes(cacheBytes)} for keys and values of a full context in f32`],
    ["  to train", `${texts[train.fits]} in f32: ${formatBytes(train.bytes)}`],
    ["  on a GPU", "its memory is not known here: give it, as in --device-memory 24GB"],
  ];
}
