import { readHeader, readTensor, safetensorsChunks } from "@gpt/formats";
import type { OutputFile, ReadableFolder } from "@gpt/formats";
import { quote, tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { TrainError } from "../errors.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";

export const optimizerName = "optimizer.safetensors";

/**
 * The moments of an optimiser, by the paths of their parameters; read while the file is written. Throws
 * `non-finite-loss` then where they are not what moments can be: such a state must not take the place of a good one.
 */
export function optimizerFile(optimizer: Optimizer): OutputFile {
  const moments = Array.from(optimizer.stateDict(), ([name, moment]) => ({
    name,
    shape: moment.shape,
    read: async () => {
      const values = await moment.data();
      const problem = problemOf(name, values);
      if (problem === undefined) return values;
      throw new TrainError("non-finite-loss", `${problem}: the training diverged; try a lower learning rate`);
    },
  }));
  return { name: optimizerName, chunks: safetensorsChunks(moments) };
}

/** Restores the moments after `step` steps. Throws `invalid-checkpoint` where they do not fit the parameters. */
export async function loadOptimizer(folder: ReadableFolder, optimizer: Optimizer, step: number): Promise<void> {
  const file = await folder.open(optimizerName);
  if (!file) throw new TrainError("invalid-checkpoint", `${optimizerName} is missing`);
  const { backend } = optimizer.gradientNorm;
  const moments = new Map<string, Tensor>();
  try {
    for (const [name, entry] of (await readHeader(file)).tensors) {
      const values = await readTensor(file, name, entry);
      const problem = problemOf(name, values);
      if (problem !== undefined) throw new TrainError("invalid-checkpoint", problem);
      moments.set(name, tensor(values, { shape: entry.shape, backend }));
    }
    optimizer.loadStateDict(moments, step);
  } catch (error) {
    if (!(error instanceof TrainError)) throw error;
    throw new TrainError(error.code, `${optimizerName}: ${error.message}`, { cause: error });
  } finally {
    for (const moment of moments.values()) moment.dispose();
    await file.close();
  }
}

/** What no moment can be, or undefined where all is well: they are finite, and a mean of squares is not negative. */
function problemOf(name: string, values: Float32Array): string | undefined {
  const isSquare = name.startsWith("secondMoments.");
  const index = values.findIndex((value) => !Number.isFinite(value) || (isSquare && value < 0));
  if (index < 0) return undefined;
  const rule = isSquare ? "finite and not negative" : "finite";
  return `tensor ${quote(name)} has ${values[index]} at index ${index}, where moments are ${rule}`;
}
