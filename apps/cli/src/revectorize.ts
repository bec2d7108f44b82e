/**
 * `--experimental-revectorize`: V8 can fuse pairs of 128-bit vectors in WebAssembly into vectors of 256 bits, twice as
 * fast where a machine has them. It is an experiment of V8's and a flag of the whole process. So this process, which
 * runs without it, makes a digest of what the plain kernels compute and starts another one with the flag, which goes on
 * only where its kernels compute the same, bit for bit.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { Option } from "commander";
import { TensorError } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { CommandError } from "./errors.ts";

const option = "--experimental-revectorize";
/** Without the baseline compiler, which fuses nothing: so what is verified is what runs. */
const engineFlags = ["--experimental-wasm-revectorize", "--no-liftoff"];
const digestVariable = "GPT_PLAIN_DIGEST";

export function revectorizeOption(): Option {
  return new Option(option, "let V8 fuse vectors: an experiment of Node 24 and newer on x64, checked at the start");
}

/** Whether a command line asks for a process with the flag, and this is none. */
export function wantsRevectorized(argv: readonly string[]): boolean {
  return argv.includes(option) && !isRevectorized();
}

/** Whether this process is one that `runRevectorized` started. */
export function isRevectorized(): boolean {
  return process.env[digestVariable] !== undefined;
}

/** Runs this program again with the flag, and returns its exit status. Signals from outside are passed on. */
export async function runRevectorized(): Promise<number> {
  if (process.arch !== "x64" || Number.parseInt(process.versions.node) < 24) {
    throw new CommandError(`${option} needs Node 24 or newer on x64; this is ${process.version} on ${process.arch}`);
  }
  const { wasm } = await import("@gpt/tensor/wasm");
  const { kernelDigest } = await import("./kernel-digest.ts");
  const backend = await wasm({ threads: 1 });
  const digest = kernelDigest(backend);
  backend.dispose();
  const child = spawn(process.execPath, [...engineFlags, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, [digestVariable]: digest },
  });
  // Ctrl-C reaches both processes; this one waits for the other.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status, signal) => resolve(status ?? 128 + constants.signals[signal ?? "SIGKILL"]));
  });
}

/** Throws where the fused kernels of a backend do not compute what the plain ones did. */
export async function checkRevectorized(backend: Backend): Promise<void> {
  const { kernelDigest } = await import("./kernel-digest.ts");
  if (kernelDigest(backend) === process.env[digestVariable]) return;
  throw new TensorError(
    "backend-failure",
    `wasm: this engine's fused vectors compute something else than plain ones: run without ${option}`,
  );
}
