import { preset } from "@gpt/gpt";
import { alternate } from "../harness/alternate.ts";
import type { Turn } from "../harness/alternate.ts";
import { Contenders } from "../harness/contenders.ts";
import type { Section } from "../harness/report.ts";
import { bounded, compared, formatSample, milliseconds } from "../harness/rows.ts";
import type { Row } from "../harness/rows.ts";
import type { Sample } from "../harness/sample.ts";
import { withTemporaryFolder } from "../harness/temporary.ts";
import type { FinetuningResult, FinetuningSetup, FinetuningTask } from "../contenders/finetuning.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

const [batch, context, threads] = [4, 256, 2];
const tokens = batch * context;
/** Milliseconds of one turn; a step that takes longer is a turn. */
const turn = 500;
/** The recipe of `gpt finetune --method lora`. */
const adapters = { rank: 16, alpha: 32 };
const maxBytes = 1.5e9;

/** What is trained, by what is said of it, and how many tokens of an example are learnt. */
const sides: Readonly<Record<string, Pick<FinetuningSetup, "adapters" | "dtype" | "learnt">>> = {
  "all weights": { learnt: context },
  LoRA: { adapters, learnt: context },
  "LoRA, c_attn alone": { adapters: { ...adapters, targets: ["c_attn"] }, learnt: context },
  "LoRA over int8": { adapters, dtype: "int8", learnt: context },
  "LoRA, a quarter learnt": { adapters, learnt: context / 4 },
};
const heads = { "all tokens": tokens, "a quarter of the tokens": tokens / 4 };

/** Steps of fine-tuning GPT-2 124M, and the memory that each takes. */
export async function finetune({ rounds, progress }: BenchmarkOptions): Promise<Section> {
  return withTemporaryFolder(async (folder) => {
    const contenders = new Contenders();
    try {
      progress("finetune: write the model");
      const writer = await contenders.start({ name: "writer", file: "save-model.ts" });
      await writer?.ask({ config: preset("gpt2"), folder });
      await contenders.close("writer");
      const file = "finetune-ours.ts";
      for (const [name, side] of Object.entries({ ...sides, head: sides.LoRA })) {
        await contenders.start({ name, file, setup: { folder, batch, context, threads, ...side } });
      }
      progress("finetune");
      const peaks = new Map<string, number>();
      const ask = async (name: string, task: FinetuningTask): Promise<readonly number[]> => {
        const { times, peakBytes } = (await contenders.get(name)?.ask(task)) as FinetuningResult;
        peaks.set(name, peakBytes);
        return times;
      };
      const turns = new Map<string, Turn>();
      for (const name of Object.keys(sides)) turns.set(name, () => ask(name, { milliseconds: turn }));
      for (const [name, headRows] of Object.entries(heads)) turns.set(name, () => ask("head", { milliseconds: turn, headRows }));
      const times = await alternate(turns, rounds);
      const dropout = "dropout as in the model's folder, 0.1 of embeddings, patterns and residuals";
      return { title: "Fine-tuning", rows: rowsOf(times, peaks), notes: [...contenders.notes, dropout] };
    } finally {
      await contenders.close();
    }
  });
}

function rowsOf(times: ReadonlyMap<string, Sample>, peaks: ReadonlyMap<string, number>): Row[] {
  const of = (name: string): Sample => times.get(name) as Sample;
  const model = `GPT-2 124M, B${batch}×T${context}, ${threads} threads`;
  const line = (work: string, name: string, against: string, demanded?: number): Row =>
    compared({ work: `${model}: ${work}`, unit: milliseconds, ours: of(name), against, theirs: of(against), demanded });
  return [
    { work: `${model}: all weights`, ours: formatSample(of("all weights"), milliseconds) },
    line("LoRA", "LoRA", "all weights", 1.333),
    line("LoRA, c_attn alone", "LoRA, c_attn alone", "all weights", 1.333),
    line("LoRA over int8", "LoRA over int8", "all weights"),
    line("LoRA, a quarter learnt", "LoRA, a quarter learnt", "LoRA"),
    line("head and loss of a quarter of the tokens", "a quarter of the tokens", "all tokens", 3.6),
    ...Object.keys(sides).map((name) => peakRow(`${model}: ${name}, peak resident memory`, peaks.get(name) as number, sides[name].adapters !== undefined)),
  ];
}

function peakRow(work: string, value: number, isBounded: boolean): Row {
  const ours = `${(value / 1e9).toFixed(2)} GB`;
  return isBounded ? bounded({ work, ours, value, max: maxBytes, demanded: `${maxBytes / 1e9} GB` }) : { work, ours };
}
