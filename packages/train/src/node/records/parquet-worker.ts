/** A worker that reads the rows of a Parquet file, a part at each message: see `readParquetRecords`. */
import { parentPort, workerData } from "node:worker_threads";
import { TrainError } from "../../errors.ts";
import { invalidRecord } from "../../records/found-record.ts";
import type { ParquetAnswer, ParquetTask } from "./parquet-records.ts";
import { readParquetRows } from "./parquet-rows.ts";

const { path, ...options } = workerData as ParquetTask;
const rows = readParquetRows(path, options);
const port = parentPort!;

port.on("message", () => {
  void answer().then((answer) => port.postMessage(answer));
});

async function answer(): Promise<ParquetAnswer> {
  try {
    const { value } = await rows.next();
    return { rows: value ?? undefined };
  } catch (error) {
    const { code, message } = error instanceof TrainError ? error : damaged(error);
    return { error: { code, message } };
  }
}

/** hyparquet's errors are plain ones. */
function damaged(error: unknown): TrainError {
  const reason = error instanceof Error ? error.message : String(error);
  return invalidRecord(path, "its data", `they cannot be read as Parquet: ${reason}; copy it again, or write it anew with another codec`);
}
