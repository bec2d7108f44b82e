import { Worker } from "node:worker_threads";
import { TrainError } from "../../errors.ts";
import type { TrainErrorCode } from "../../errors.ts";
import { sizeOfDataFile } from "../data-file.ts";
import { invalidRecord } from "../../records/found-record.ts";
import type { FoundRecord, ReadingOptions } from "../../records/found-record.ts";
import type { ParquetOptions, ParquetRows } from "./parquet-rows.ts";

export interface ParquetTask extends ParquetOptions {
  readonly path: string;
}

/** Without rows and error: there are no more rows. */
export interface ParquetAnswer {
  readonly rows?: ParquetRows;
  readonly error?: { readonly code: TrainErrorCode; readonly message: string };
}

/** For each byte of the largest row group, bytes of memory for its values in JavaScript; and at least as many MiB as tiny ones need. */
const [memoryPerByte, leastMemory] = [8, 128];
/** Row groups are decoded at tens of MiB a second; for one that is damaged it may take for ever. */
const [patience, patiencePerMebibyte] = [30_000, 1000];

/**
 * The rows of a Parquet file. A worker decodes them, with bounded memory and time, since the values of a damaged file may be
 * any number.
 */
export async function* readParquetRecords(
  path: string, { wanted, maxGroupBytes, onBytes }: ReadingOptions,
): AsyncGenerator<FoundRecord, void, undefined> {
  // By how much a file may grow: repeated values take next to nothing, and next to no time.
  const largest = Math.min(maxGroupBytes, 10 * (await sizeOfDataFile(path)));
  const limit = patience + (patiencePerMebibyte * largest) / 2 ** 20;
  const worker = startWorker({ path, wanted, maxGroupBytes });
  const ended = new Promise<never>((_, reject) => worker.once("error", (error: Error & { code?: string }) => reject(failure(path, error))));
  ended.catch(() => undefined);
  try {
    let line = 1;
    for (;;) {
      const { rows, error } = await Promise.race([ask(worker, path, limit), ended]);
      if (error) throw new TrainError(error.code, error.message);
      if (!rows) return;
      for (const row of rows.rows) {
        yield { value: Object.fromEntries(rows.names.map((name, i) => [name, row[i]])), line: line++ };
      }
      onBytes(rows.bytes);
    }
  } finally {
    await worker.terminate();
  }
}

function ask(worker: Worker, path: string, limit: number): Promise<ParquetAnswer> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      reject(invalidRecord(path, "its data", `a row group was not read within ${Math.round(limit / 1000)} s; copy it again`));
    }, limit);
    late.unref(); // The worker keeps the process alive.
    worker.once("message", (answer: ParquetAnswer) => {
      clearTimeout(late);
      resolve(answer);
    });
    worker.postMessage(undefined);
  });
}

/** Why a worker ended: its memory, or that its script is not there or fails. */
function failure(path: string, error: Error & { code?: string }): TrainError {
  if (error.code === "ERR_WORKER_OUT_OF_MEMORY") {
    return invalidRecord(path, "a row group", "its values do not fit in memory; write smaller row groups, or raise maxGroupBytes", error);
  }
  const remedy = "@gpt/train/node must not be bundled without parquet-worker.js beside it";
  return new TrainError("read-failed", `${path}: the worker that reads Parquet ended: ${error.message}; ${remedy}`, { cause: error });
}

/** The worker's script lies beside this one, as source or as it was built. */
function startWorker(workerData: ParquetTask): Worker {
  const isSource = import.meta.url.endsWith(".ts");
  const script = new URL(isSource ? "./parquet-worker.ts" : "./parquet-worker.js", import.meta.url);
  const maxOldGenerationSizeMb = Math.max(leastMemory, Math.ceil((memoryPerByte * workerData.maxGroupBytes) / 2 ** 20));
  return new Worker(script, {
    workerData, name: "@gpt/train", execArgv: isSource ? ["--conditions=@gpt/source"] : [], resourceLimits: { maxOldGenerationSizeMb },
  });
}
