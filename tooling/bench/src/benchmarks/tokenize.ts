import { closeSync, openSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { alternate } from "../harness/alternate.ts";
import type { Turn } from "../harness/alternate.ts";
import type { Section } from "../harness/report.ts";
import { bounded, compared, rate } from "../harness/rows.ts";
import type { Row } from "../harness/rows.ts";
import { Contenders } from "../harness/contenders.ts";
import { withTemporaryFolder } from "../harness/temporary.ts";
import { corpus } from "../models/corpus.ts";
import type { CorpusOptions } from "../models/corpus.ts";
import { writeAll } from "../models/weights.ts";
import type { EncodingName, EncodingResult } from "../contenders/encode.ts";
import type { BpeResult } from "../contenders/train-bpe.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

const encodings = ["gpt2", "o200k_base"] as const;
/** What is demanded over each. */
const peers = { "gpt-tokenizer": 4, tiktoken: undefined, "js-tiktoken": undefined };
const turn = 600;
const vocabSize = 32_768;
/** About as many different words as English of this length has. */
const english = { bytes: 2e6, words: 20_000 };
const manyWords = { bytes: 1e8, words: 600_000, scripts: true };

/** Encoding on one thread, and learning a vocabulary. */
export async function tokenize(options: BenchmarkOptions): Promise<Section> {
  return withTemporaryFolder(async (folder) => {
    const notes = new Set<string>();
    const rows: Row[] = [];
    const { data } = options;
    const text = data === undefined ? writeCorpus(join(folder, "english.txt"), english) : resolve(data);
    for (const encoding of encodings) {
      options.progress(`tokenize ${encoding}`);
      rows.push(...(await measureEncoding(encoding, text, options, notes)));
    }
    options.progress("tokenize: learn a vocabulary");
    rows.push(...(await measureTraining(writeCorpus(join(folder, "corpus.txt"), manyWords), notes)));
    return { title: "Tokenizer", rows, notes: [...notes] };
  });
}

async function measureEncoding(
  encoding: EncodingName,
  file: string,
  { data, rounds }: BenchmarkOptions,
  notes: Set<string>,
): Promise<Row[]> {
  const contenders = new Contenders();
  try {
    for (const library of ["ours", ...Object.keys(peers)]) {
      await contenders.start({ name: library, file: "encode.ts", setup: { library, encoding, file } });
    }
    const results = new Map<string, EncodingResult>();
    const turns = new Map<string, Turn>();
    for (const contender of contenders.all) {
      turns.set(contender.name, async () => {
        const result = (await contender.ask({ milliseconds: turn })) as EncodingResult;
        results.set(contender.name, result);
        return result.times;
      });
    }
    const times = await alternate(turns, rounds);
    for (const note of contenders.notes) notes.add(note);
    const own = results.get("ours");
    const different = [...results].filter(([, { digest }]) => digest !== own?.digest).map(([name]) => name);
    const agreement = different.length > 0 ? `other ones from ${different.join(", ")}` : "the same from all";
    notes.add(`${encoding}: ${own?.count} ids, ${agreement}`);
    const unit = rate("MB/s", statSync(file).size, 1e6);
    const work = `encode ${data === undefined ? "English" : "--data"}, ${encoding}, 1 thread`;
    return Object.entries(peers).flatMap(([against, demanded]): Row[] => {
      const [ours, theirs] = [times.get("ours"), times.get(against)];
      return ours && theirs ? [compared({ work, unit, ours, against, theirs, demanded })] : [];
    });
  } finally {
    await contenders.close();
  }
}

/** Once: it takes long, and what is demanded is a bound. */
async function measureTraining(file: string, notes: Set<string>): Promise<Row[]> {
  const contenders = new Contenders();
  try {
    const contender = await contenders.start({ name: "train", file: "train-bpe.ts" });
    if (!contender) return [];
    const result = (await contender.ask({ file, vocabSize })) as BpeResult;
    const seconds = result.milliseconds / 1000;
    const megabytes = Math.round(statSync(file).size / 1e6);
    const work = `train a BPE of ${result.vocabSize} on ${megabytes} MB`;
    notes.add(
      `${work}: ${result.words} different pre-tokens, peak resident memory ${(result.peakBytes / 1e9).toFixed(2)} GB`,
    );
    return [bounded({ work, ours: `${seconds.toFixed(1)} s`, value: seconds, max: 60, demanded: "60 s" })];
  } finally {
    await contenders.close();
  }
}

function writeCorpus(file: string, options: CorpusOptions): string {
  writeFileSync(file, "");
  const descriptor = openSync(file, "a");
  try {
    for (const paragraph of corpus(options)) writeAll(descriptor, Buffer.from(paragraph));
  } finally {
    closeSync(descriptor);
  }
  return file;
}
