import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { openRegularFile } from "@gpt/formats/node";
import type { TrainEvent } from "@gpt/train";
import { recordOf } from "./event-record.ts";
import { TensorBoardFile } from "./tensorboard-file.ts";

const name = "metrics.jsonl";
/** Bytes that are read at once; a line that has more is none of ours. */
const pieceBytes = 2 ** 20;

/** What decides where the figures of a run go. */
export interface MetricsOptions {
  /** The step from which a run goes on. */
  readonly resumedStep: number | undefined;
  /** Whether TensorBoard's files are written, too. */
  readonly tensorboard: boolean | undefined;
}

/**
 * The figures of a run in its folder: a JSON object a line, with the time, for each step that is reported, each evaluation, each
 * checkpoint and the end. Lines are written as events come. A run that is resumed goes on behind the line of the checkpoint that
 * it is resumed from, so that the file is that of a run that was never interrupted, however the processes before ended.
 */
export class MetricsFile {
  readonly #file: FileHandle;
  readonly #tensorboard: TensorBoardFile | undefined;

  private constructor(file: FileHandle, tensorboard: TensorBoardFile | undefined) {
    this.#file = file;
    this.#tensorboard = tensorboard;
  }

  static async open(directory: string, { resumedStep, tensorboard }: MetricsOptions): Promise<MetricsFile> {
    const path = join(directory, name);
    const kept = resumedStep === undefined ? { bytes: 0, hasCheckpoint: true } : await keptPart(path, resumedStep);
    const file = await open(path, "a");
    try {
      await file.truncate(kept.bytes);
      const metrics = new MetricsFile(file, tensorboard ? await TensorBoardFile.create(directory, resumedStep) : undefined);
      // The process before may have ended between the checkpoint and its line.
      if (!kept.hasCheckpoint) await metrics.take({ type: "checkpoint", step: resumedStep!, directory });
      return metrics;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Writes what an event says, and what else is known then. */
  async take(event: TrainEvent, more: Readonly<Record<string, number>> = {}): Promise<void> {
    const { step, ...figures } = { ...recordOf(event), ...more };
    // That of the last step, which has a line; the process that ends a run may not have seen it.
    if (event.type === "done") delete figures.loss;
    const time = new Date();
    await this.#file.appendFile(`${JSON.stringify({ step, time: time.toISOString(), ...figures })}\n`);
    await this.#tensorboard?.add(event.type, { step, ...figures }, time);
    // What is behind a checkpoint may be lost with the machine, what is before it is needed when the run is resumed.
    if (event.type === "checkpoint") await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#tensorboard?.close();
    await this.#file.close();
  }
}

/** How much of the file precedes what a run does that goes on from a step. A line that was cut off does not count. */
async function keptPart(path: string, resumedStep: number): Promise<{ readonly bytes: number; readonly hasCheckpoint: boolean }> {
  const file = await openRegularFile(path);
  if (!file) return { bytes: 0, hasCheckpoint: false };
  try {
    let bytes = 0;
    let rest: Uint8Array = new Uint8Array();
    for (let offset = 0; offset < file.size && rest.length < pieceBytes; offset += pieceBytes) {
      const piece = Buffer.concat([rest, await file.read(offset, Math.min(pieceBytes, file.size - offset))]);
      let start = 0;
      for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", start)) {
        const { step, checkpoint } = parse(piece.toString("utf8", start, end));
        if (typeof step === "number" && step > resumedStep) return { bytes, hasCheckpoint: false };
        bytes += end + 1 - start;
        start = end + 1;
        if (step === resumedStep && checkpoint !== undefined) return { bytes, hasCheckpoint: true };
      }
      rest = piece.subarray(start);
    }
    return { bytes, hasCheckpoint: false };
  } finally {
    await file.close();
  }
}

/** What a line says; nothing where it is no object. */
function parse(line: string): { readonly step?: unknown; readonly checkpoint?: unknown } {
  try {
    return Object(JSON.parse(line)) as object;
  } catch {
    return {};
  }
}
