import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { TrainEvent } from "../src/loop/events.ts";
import { train } from "../src/loop/train.ts";
import type { TrainOptions } from "../src/loop/options.ts";
import { collect, patternedData, tinyModel } from "./fixtures.ts";
import { createRun, resumeRun } from "../src/node/run-folder.ts";
import type { CreateRunOptions } from "../src/node/run-folder.ts";

/** What a run in a folder is tested with: a model that drops out, and steps of two batches. */
export const modelChanges = { dropout: 0.2, attentionDropout: 0.1 };
export const runSettings = {
  data: patternedData(),
  steps: 14,
  batchSize: 2,
  accumulationSteps: 2,
  logEvery: 4,
  evaluateEvery: 5,
  checkpointEvery: 3,
} satisfies TrainOptions;
export const extraFiles = { "tokenizer.json": '{"é": 1}\n', "notes.txt": "" };

/** Trains the usual model into a folder. `stop` ends the run by its signal, after the first event that it accepts. */
export async function startRun(
  directory: string,
  { stop, train: changes, ...options }: CreateRunOptions & { stop?: (event: TrainEvent) => boolean; train?: Partial<TrainOptions> } = {},
): Promise<TrainEvent[]> {
  const checkpointer = await createRun(directory, { extraFiles, ...options });
  const controller = new AbortController();
  const events: TrainEvent[] = [];
  const { signal } = controller;
  for await (const event of train(tinyModel(modelChanges), { ...runSettings, ...changes, checkpointer, signal })) {
    events.push(event);
    if (stop?.(event)) controller.abort();
  }
  return events;
}

/** Goes on with the run in a folder, to its end. */
export async function goOn(directory: string, options: Partial<TrainOptions> = {}): Promise<TrainEvent[]> {
  const { model, resume, checkpointer } = await resumeRun(directory);
  try {
    return await collect(train(model, { ...runSettings, resume, checkpointer, ...options }));
  } finally {
    model.dispose();
  }
}

export type Training = Record<string, unknown>;

export async function readTrainingJson(checkpoint: string): Promise<Training> {
  return JSON.parse(await readFile(join(checkpoint, "training.json"), "utf8")) as Training;
}

/** Writes a changed `training.json` as a program would that means it: with the right checksum. */
export async function changeTraining(checkpoint: string, change: (training: Training) => unknown): Promise<void> {
  const { checksum: _, ...content } = await readTrainingJson(checkpoint);
  const changed = change(content) as Training;
  const sealed = { ...changed, checksum: hex(JSON.stringify(changed)) };
  await writeFile(join(checkpoint, "training.json"), JSON.stringify(sealed));
}

/** Writes a small file of a checkpoint as a program would that means it: `training.json` has its checksum. */
export async function changeFile(checkpoint: string, name: string, text: string): Promise<void> {
  await writeFile(join(checkpoint, name), text);
  await changeTraining(checkpoint, (training) => ({
    ...training,
    checksums: { ...(training.checksums as object), [name]: { rest: hex(text) } },
  }));
}

/** Makes a checkpoint one of version 1, which had no checksums. */
export async function makeVersion1(checkpoint: string): Promise<void> {
  const { checksum: _, checksums: __, ...training } = await readTrainingJson(checkpoint);
  await writeFile(join(checkpoint, "training.json"), JSON.stringify({ ...training, version: 1 }));
}

function hex(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
