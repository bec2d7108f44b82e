import { Option } from "commander";
import type { Command } from "commander";
import { useBackend } from "@gpt/tensor";
import type { Backend, WeightFormat } from "@gpt/tensor";
import { UsageError } from "./errors.ts";
import { wholeNumber } from "./options.ts";
import { checkRevectorized, isRevectorized, revectorizeOption } from "./revectorize.ts";

/** Where a command computes. */
export interface BackendOptions {
  readonly backend: string;
  readonly threads?: number;
}

const backends = {
  wasm: async (threads) => {
    const { wasm } = await import("@gpt/tensor/wasm");
    const backend = await wasm({ threads, revectorized: isRevectorized() });
    if (isRevectorized()) await checkRevectorized(backend);
    return backend;
  },
  cpu: async (threads = 1) => {
    if (threads > 1) throw new UsageError("the backend cpu has one thread: leave --threads out, or use --backend wasm");
    return (await import("@gpt/tensor/cpu")).cpu();
  },
} satisfies Record<string, (threads?: number) => Promise<Backend>>;

const names = Object.keys(backends) as (keyof typeof backends)[];

/** Adds the options of `BackendOptions` to a command, and `--experimental-revectorize`. */
export function addBackendOptions(command: Command): Command {
  const threads = new Option("--threads <n>", "threads that compute; results do not depend on it; default: one a core");
  return command
    .addOption(new Option("--backend <name>", "where to compute").choices(names).default(names[0]))
    .addOption(threads.argParser(wholeNumber(1)))
    .addOption(revectorizeOption());
}

/** How a command stores the matrices of a model. */
export interface DTypeOptions {
  readonly dtype: DType;
}

export type DType = "f32" | WeightFormat;
const dtypes: readonly DType[] = ["f32", "f16", "bf16", "int8", "int4"];

/** `--dtype`, for commands that run models and do not train them. */
export function dtypeOption(): Option {
  const option = new Option("--dtype <name>", "how matrices are stored: fewer bits take less memory and time");
  return option.choices(dtypes).default(dtypes[0]);
}

/** `--cache-dtype`, for commands that write text. */
export function cacheDTypeOption(): Option {
  const option = new Option("--cache-dtype <name>", "how keys and values of earlier tokens are kept");
  return option.choices(dtypes).default(dtypes[0]);
}

/** Starts the backend that `--backend` names, on `--threads`, and chooses it. */
export async function startBackend({ backend: name, threads }: BackendOptions): Promise<Backend> {
  const backend = await backends[name as keyof typeof backends](threads);
  useBackend(backend);
  return backend;
}
