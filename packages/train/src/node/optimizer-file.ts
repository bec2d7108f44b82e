import { readHeader, readTensor, safetensorsChunks } from "@gpt/gpt";
import type { OutputFile, ReadableFolder } from "@gpt/gpt";
import { tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { TrainError } from "../errors.ts";
import type { AdamW } from "../optimizer/adamw.ts";

const name = "optimizer.safetensors";

/** The moments of an optimiser, by the paths of their parameters; read while the file is written. */
export function optimizerFile(optimizer: AdamW): OutputFile {
  const moments = Array.from(optimizer.stateDict(), ([name, moment]) => ({
    name,
    shape: moment.shape,
    read: () => moment.data(),
  }));
  return { name, chunks: safetensorsChunks(moments) };
}

/** Restores the moments after `step` steps. Throws `invalid-checkpoint` where they do not fit the parameters. */
export async function loadOptimizer(folder: ReadableFolder, optimizer: AdamW, step: number): Promise<void> {
  const file = await folder.open(name);
  if (!file) throw new TrainError("invalid-checkpoint", `${name} is missing`);
  const { backend } = optimizer.gradientNorm;
  const moments = new Map<string, Tensor>();
  try {
    for (const [name, entry] of (await readHeader(file)).tensors) {
      moments.set(name, tensor(await readTensor(file, name, entry), { shape: entry.shape, backend }));
    }
    optimizer.loadStateDict(moments, step);
  } catch (error) {
    if (!(error instanceof TrainError)) throw error;
    throw new TrainError(error.code, `${name}: ${error.message}`, { cause: error });
  } finally {
    for (const moment of moments.values()) moment.dispose();
    await file.close();
  }
}
