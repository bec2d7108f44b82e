import { join } from "node:path";
import { describeModel, preset, resolveConfig } from "@gpt/gpt";
import type { GPTConfig } from "@gpt/gpt";
import { alternate } from "../harness/alternate.ts";
import type { Turn } from "../harness/alternate.ts";
import { findPython } from "../harness/python.ts";
import type { Section } from "../harness/report.ts";
import { bounded, compared, milliseconds, rate } from "../harness/rows.ts";
import type { Row } from "../harness/rows.ts";
import type { Sample } from "../harness/sample.ts";
import type { ContenderProgram } from "../harness/contender.ts";
import { Contenders } from "../harness/contenders.ts";
import { withTemporaryFolder } from "../harness/temporary.ts";
import { randomTokens, weightShapes, writeWeights } from "../models/weights.ts";
import { fusedVectors } from "../contenders/ours-backend.ts";
import type { ProductResult } from "../contenders/product.ts";
import type { TrainingResult, TrainingSetup } from "../contenders/training.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

interface Model {
  readonly name: string;
  readonly config: GPTConfig;
  readonly batch: number;
  readonly context: number;
  readonly demanded: {
    readonly gemmShare: number;
    readonly torch: number;
    /** Of the backend native. */
    readonly native: number;
    readonly tfjs?: number;
    readonly peakBytes?: number;
  };
}

const small = { vocabSize: 65, dropout: 0 };
export const models: readonly Model[] = [
  {
    name: "0.8M, B12×T64",
    config: resolveConfig({ ...small, layers: 4, heads: 4, dim: 128, contextLength: 64 }),
    batch: 12,
    context: 64,
    demanded: { gemmShare: 0.4, torch: 2, native: 1.3, tfjs: 30 },
  },
  {
    name: "10.8M, B8×T256",
    config: resolveConfig({ ...small, layers: 6, heads: 6, dim: 384, contextLength: 256 }),
    batch: 8,
    context: 256,
    demanded: { gemmShare: 0.7, torch: 1.4, native: 1.6 },
  },
  {
    name: "GPT-2 124M, B4×T64",
    config: preset("gpt2", { dropout: 0, embeddingDropout: 0, attentionDropout: 0 }),
    batch: 4,
    context: 64,
    demanded: { gemmShare: 0.7, torch: 1.2, native: 1.8, peakBytes: 3e9 },
  },
];
export const optimizer = { learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, clip: 1 };

/** Of weights. From others PyTorch meets subnormal numbers soon, and is ten times as slow. */
const std = 0.02;
/** Milliseconds of one turn; a step that takes longer is a turn. */
const turn = 500;
const cube = { m: 1024, k: 1024, n: 1024, transposeA: false, transposeB: false };

/** Training steps: forward, backward, clipping, AdamW. */
export async function train(options: BenchmarkOptions): Promise<Section> {
  const rows: Row[] = [];
  const notes = new Set<string>();
  for (const model of models) {
    options.progress(`train ${model.name}`);
    const found = await measureModel(model, options);
    rows.push(...found.rows);
    for (const note of found.notes) notes.add(note);
  }
  return { title: "Training step", rows, notes: [...notes] };
}

async function measureModel(model: Model, { rounds }: BenchmarkOptions): Promise<{ rows: Row[]; notes: string[] }> {
  const { config, batch, context, demanded } = model;
  return withTemporaryFolder(async (folder) => {
    const parameters = weightShapes(config, std);
    const weights = join(folder, "weights.f32");
    writeWeights(weights, parameters);
    const tokens = randomTokens(batch * context + 1, config.vocabSize);
    const setup = (threads: number): TrainingSetup => ({
      config,
      weights,
      parameters,
      batch,
      context,
      tokens,
      threads,
      optimizer,
    });
    const contenders = new Contenders();
    try {
      const file = "train-ours.ts";
      await contenders.start({ name: "1 thread", file, setup: setup(1) });
      await contenders.start({ name: "2 threads", file, setup: setup(2) });
      await contenders.start({ name: "native", file, setup: { ...setup(2), native: true } });
      await contenders.start({ name: "fused", file, setup: { ...setup(2), revectorized: true }, flags: fusedVectors });
      await contenders.start({ name: "product", file: "matmul-ours.ts", setup: { threads: 2 } });
      const settings = await startTorch(contenders, setup(2));
      if (demanded.tfjs) await contenders.start({ name: "tfjs-wasm", file: "train-tfjs.ts", setup: setup(2) });
      const samples = await measure(contenders, rounds);
      return { rows: rowsOf(model, samples), notes: [...contenders.notes, ...settings] };
    } finally {
      await contenders.close();
    }
  });
}

/** Starts PyTorch with the best of its thread settings, and says which that is. */
async function startTorch(contenders: Contenders, setup: TrainingSetup): Promise<string[]> {
  const python = findPython();
  if (!python) {
    contenders.missing.push("PyTorch is missing: no python3 has it; GPT_PYTHON names another Python");
    return [];
  }
  const program = (own: number, blas: number): ContenderProgram => ({
    name: `PyTorch, ${own} of its own threads and ${blas} of its BLAS`,
    file: "train-torch.py",
    python,
    setup: { ...setup, threads: own },
    environment: {
      OMP_NUM_THREADS: String(own),
      OPENBLAS_NUM_THREADS: String(blas),
      OPENBLAS_CORETYPE: undefined,
      OPENBLAS_L2_SIZE: undefined,
    },
  });
  let best: { program: ContenderProgram; time: number } | undefined;
  for (const candidate of [program(2, 2), program(2, 1), program(1, 2)]) {
    const contender = await contenders.start(candidate);
    if (!contender) return [];
    await contender.ask({ milliseconds: turn });
    const { times } = (await contender.ask({ milliseconds: 2 * turn })) as TrainingResult;
    const time = Math.min(...times);
    if (!best || time < best.time) best = { program: candidate, time };
    await contenders.close(candidate.name);
  }
  if (!best) return [];
  await contenders.start({ ...best.program, name: "PyTorch" });
  return [`the best setting for ${setup.config.dim} channels: ${best.program.name}`];
}

async function measure(contenders: Contenders, rounds: number): Promise<Measured> {
  let expected: readonly number[] | undefined;
  let peakBytes = 0;
  const turns = new Map<string, Turn>();
  for (const contender of contenders.all) {
    turns.set(contender.name, async () => {
      if (contender.name === "product")
        return ((await contender.ask({ product: cube, milliseconds: turn })) as ProductResult).times;
      const result = (await contender.ask({ milliseconds: turn })) as TrainingResult;
      expected ??= result.losses;
      checkLosses(contender.name, expected, result.losses);
      if (contender.name === "2 threads") peakBytes = result.peakBytes;
      return result.times;
    });
  }
  return { times: await alternate(turns, rounds), peakBytes };
}

interface Measured {
  readonly times: ReadonlyMap<string, Sample>;
  /** Of the process that trains with two threads. */
  readonly peakBytes: number;
}

/** Throws where a contender does not learn what the others do. */
export function checkLosses(name: string, expected: readonly number[], found: readonly number[]): void {
  for (const [i, loss] of found.entries()) {
    if (i < expected.length && !(Math.abs(loss - expected[i]) <= 1e-4 * Math.abs(expected[i]))) {
      throw new Error(`${name} has the loss ${loss} after ${i} steps, others ${expected[i]}`);
    }
  }
}

function rowsOf({ name, config, batch, context, demanded }: Model, { times, peakBytes }: Measured): Row[] {
  const ours = times.get("2 threads");
  if (!ours) return [];
  const { flopsPerToken } = describeModel({ ...config, contextLength: context });
  const flops = batch * context * (flopsPerToken.training + flopsPerToken.attentionTraining);
  const work = `${name}, 2 threads`;
  const line = (against: string, min?: number, own = ours, title = work): Row[] => {
    const theirs = times.get(against);
    return theirs ? [compared({ work: title, unit: milliseconds, ours: own, against, theirs, demanded: min })] : [];
  };
  const rows = [...line("PyTorch", demanded.torch), ...line("tfjs-wasm", demanded.tfjs), ...line("1 thread", 1.7)];
  const native = times.get("native");
  if (native) {
    rows.push(...line("PyTorch", demanded.native, native, `${work}, native`), ...line("2 threads", undefined, native, `${work}, native`));
  }
  const fused = times.get("fused");
  if (fused) rows.push(...line("PyTorch", undefined, fused, `${work}, --experimental-revectorize`));
  const product = times.get("product");
  if (product) {
    const asLarge = product.times(flops / (2 * cube.m * cube.k * cube.n));
    const unit = rate("GFLOP/s", flops, 1e9);
    rows.push(compared({ work, unit, ours, against: "1024³ product", theirs: asLarge, demanded: demanded.gemmShare }));
  }
  if (demanded.peakBytes) {
    const told = `${(peakBytes / 1e9).toFixed(2)} GB`;
    const max = demanded.peakBytes;
    rows.push(
      bounded({
        work: `${work}, peak resident memory`,
        ours: told,
        value: peakBytes,
        max,
        demanded: `${max / 1e9} GB`,
      }),
    );
  }
  return rows;
}
