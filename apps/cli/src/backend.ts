import { Option } from "commander";
import type { Command } from "commander";
import { cacheDTypes, isGptError, TensorError, useBackend, weightDTypes } from "@gpt/tensor";
import type { Backend, WeightDType } from "@gpt/tensor";
import type { WebGPUBackend } from "@gpt/tensor/webgpu";
import { dtypeChoices } from "./dtypes.ts";
import { UsageError } from "./errors.ts";
import type { Output } from "./output.ts";
import { wholeNumber } from "./options.ts";
import { checkRevectorized, isRevectorized, revectorizeOption } from "./revectorize.ts";

/** Where a command computes. */
export interface BackendOptions {
  readonly backend: string;
  readonly threads?: number;
}

/** Whether the time of each kernel is taken. */
export interface ProfileOptions {
  readonly profile?: boolean;
}

/** A backend, with what only `webgpu` has. */
export type StartedBackend = Backend & Partial<Omit<WebGPUBackend, keyof Backend>>;

type StartOptions = Omit<BackendOptions, "backend"> & ProfileOptions;

type Start = (options: StartOptions, output: Output) => Promise<StartedBackend>;

const backends = {
  wasm: async ({ threads }) => {
    const { wasm } = await import("@gpt/tensor/wasm");
    const backend = await wasm({ threads, revectorized: isRevectorized() });
    if (isRevectorized()) await checkRevectorized(backend);
    return backend;
  },
  native: async ({ threads }) => {
    const { native } = await import("@gpt/tensor/native");
    return native({ threads });
  },
  webgpu: async ({ threads = 1, profile }) => {
    if (threads > 1) throw new UsageError("the backend webgpu computes on a GPU: leave --threads out");
    const { webgpu } = await import("@gpt/tensor/webgpu");
    return webgpu({ profile }).catch(explainMissing);
  },
  cpu: async ({ threads = 1 }) => {
    if (threads > 1) throw new UsageError("the backend cpu has one thread: leave --threads out, or use --backend wasm");
    return (await import("@gpt/tensor/cpu")).cpu();
  },
  auto: async (options: StartOptions, output: Output): Promise<StartedBackend> => {
    const backend: StartedBackend = await backends.native(options).catch((error: unknown) => {
      if (!isGptError(error) || error.code !== "backend-failure") throw error;
      output.remark(error.message);
      return backends.wasm(options);
    });
    output.remark(`--backend auto takes ${backend.name}`);
    return backend;
  },
} satisfies Record<string, Start>;

/** Throws an error again; where the npm package `webgpu` is missing, one that says how to add it to this command. */
function explainMissing(error: unknown): never {
  const cause = isGptError(error) ? error.cause : undefined;
  if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw error;
  throw new TensorError(
    "backend-failure",
    "--backend webgpu needs the npm package `webgpu` beside this command: run `npm install webgpu` (130 MB), for a " +
      "command that was installed globally `npm install --global webgpu`; or use --backend wasm",
    { cause: error },
  );
}

export const backendNames = Object.keys(backends) as (keyof typeof backends)[];

/** Adds the options of `BackendOptions` to a command, and `--experimental-revectorize`. */
export function addBackendOptions(command: Command): Command {
  const threads = new Option("--threads <n>", "threads that compute; default: one a core");
  const backend = new Option(
    "--backend <name>",
    "where to compute; native calls this machine's BLAS, which needs the npm package koffi or a new Node; webgpu needs the npm " +
      "package of that name; auto takes native where it can, else wasm",
  );
  return command
    .addOption(backend.choices(backendNames).default(backendNames[0]))
    .addOption(threads.argParser(wholeNumber(1)))
    .addOption(revectorizeOption());
}

/** `--profile`, for benchmarks. */
export function profileOption(): Option {
  return new Option("--profile", "with --backend webgpu: the time of each kernel; taking it costs some itself");
}

/** How a command stores the matrices of a model. */
export interface DTypeOptions {
  readonly dtype?: WeightDType;
}

/** `--dtype`, for commands that run models and do not train them. */
export function dtypeOption(): Option {
  const about = "how matrices are stored: fewer bits take less memory and time; default: f32, and as they are where a file has blocks of few bits";
  return dtypeChoices(new Option("--dtype <name>", about), weightDTypes);
}

/** `--cache-dtype`, for commands that write text. */
export function cacheDTypeOption(): Option {
  const option = new Option("--cache-dtype <name>", "how keys and values of earlier tokens are kept");
  return dtypeChoices(option, cacheDTypes).default("f32");
}

/** Starts the backend that `--backend` names, on `--threads`, and chooses it; `output` is told which one `auto` takes. */
export async function startBackend(options: BackendOptions & ProfileOptions, output: Output): Promise<StartedBackend> {
  const name = options.backend as keyof typeof backends;
  if (options.profile && name !== "webgpu") {
    throw new UsageError(`--profile takes the time of kernels on a GPU, and ${name} uses none: add --backend webgpu`);
  }
  const backend: StartedBackend = await backends[name](options, output);
  useBackend(backend);
  return backend;
}

/** A backend and what it computes on, for people. */
export function describeBackend({ name, adapter }: StartedBackend): string {
  return adapter === undefined ? name : `${name} (${adapter})`;
}
