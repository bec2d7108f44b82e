import { readHeader, textFile } from "@gpt/formats";
import type { OutputFile, ReadableFolder } from "@gpt/formats";
import { openDirectoryHandle, zipOf } from "@gpt/formats/web";
import { architectures, copyModel, loadModelFrom, modelFiles } from "@gpt/gpt";
import { tokenizerFiles, tokenizerFromFiles } from "@gpt/tokenizer";
import { importRun, listRuns, openRun, runDirectory } from "@gpt/train/web";
import type { MadeFile } from "../api/made-file.ts";
import type { RunHistory, RunSummary, TrainingSetup } from "../api/training.ts";
import type { OpenModel, UnkeptModel } from "../session.ts";
import { corpusOf } from "./corpora.ts";
import { modelOptions, paceOf } from "./prepare.ts";
import { emptyHistory, historyName, readHistory } from "./record.ts";

/** Files of a run beside its checkpoints: what it was begun with, and the text where that is one's own. */
export const setupName = "setup.json";
export const textName = "text.txt";

/** Files of a checkpoint that are no part of a model's folder. */
const ofTraining = ["training.json", "optimizer.safetensors", historyName];

/** What a run was begun with; nothing, where it came from elsewhere. */
export async function readSetup(run: string): Promise<{ readonly setup?: TrainingSetup; readonly text?: string }> {
  const folder = openDirectoryHandle(await runDirectory(run));
  const setup = await textIn(folder, setupName);
  // It was written by this page, beside checkpoints that are checked.
  return setup === undefined ? {} : { setup: JSON.parse(setup) as TrainingSetup, text: await textIn(folder, textName) };
}

export async function summaries(): Promise<RunSummary[]> {
  const runs: RunSummary[] = [];
  for (const { name, bytes, inUse, checkpoint } of await listRuns()) {
    if (!checkpoint) {
      // Nothing was saved before its page was closed, and nothing is being saved.
      runs.push({ name, bytes, inUse, step: 0, steps: 0, parameters: null, loss: null, validationLoss: null, optimizer: "", time: 0 });
      continue;
    }
    const { step, record: { settings }, time } = checkpoint;
    // A run that is damaged is listed all the same, so that it can be deleted.
    const { points, moments } = await historyOf(name).catch(() => emptyHistory);
    runs.push({
      name, bytes, inUse, step, time, steps: settings.steps, optimizer: settings.optimizer ?? "adamw",
      parameters: await parametersOf(name).catch(() => null),
      loss: points.at(-1)?.loss ?? null,
      validationLoss: moments.findLast(({ loss }) => loss !== null)?.loss ?? null,
    });
  }
  return runs.sort((a, b) => b.time - a.time);
}

export async function historyOf(run: string): Promise<RunHistory> {
  return readHistory(await textIn((await openRun(run)).folder, historyName));
}

/** The elements of all tensors, as the header of their file has them. */
async function parametersOf(run: string): Promise<number | null> {
  const { folder } = await openRun(run);
  const file = await folder.open("model.safetensors");
  if (!file) return null;
  const { tensors } = await readHeader(file);
  return Array.from(tensors.values()).reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0);
}

/** The first name of a kind that no run has: `stories-3`. */
export async function freeName(kind: string): Promise<string> {
  const taken = new Set((await listRuns()).map(({ name }) => name));
  for (let number = 1; ; number++) if (!taken.has(`${kind}-${number}`)) return `${kind}-${number}`;
}

/** Files of the newest checkpoint as an archive: as a model's folder, or as the folder of a run that the command goes on with. */
export async function zipRun(run: string, what: "model" | "run"): Promise<MadeFile> {
  const { step, files } = await openRun(run);
  const zipped = async (own: readonly OutputFile[]): Promise<MadeFile> => ({ name: `${run}.zip`, blob: await zipOf(run, own) });
  if (what === "model") return zipped(files.filter(({ name }) => !ofTraining.includes(name)));
  const { setup, text } = await readSetup(run);
  const checkpoint = files.map(({ name, chunks }) => ({ name: `checkpoints/step-${step}/${name}`, chunks }));
  return zipped([...checkpoint, ...(setup ? filesOfCommand(setup, text) : [])]);
}

/** The texts of a run, and its options by the names that the command has for them. */
function filesOfCommand(setup: TrainingSetup, text: string | undefined): OutputFile[] {
  const { train, validation } = corpusOf(setup.corpus, text);
  const { layers, heads, dim, contextLength: context, batchSize: batch, steps, optimizer, learningRate: lr } = setup;
  const { logEvery, evaluateEvery, checkpointEvery } = paceOf(steps);
  const options = {
    command: "train", layers, heads, dim, context, "untied-head": true, "initial-std": modelOptions(setup, 1).initialStd, batch, steps, optimizer, lr,
    "log-every": logEvery, "eval-every": evaluateEvery, "checkpoint-every": checkpointEvery,
  };
  return [textFile("train.txt", train), textFile("validation.txt", validation), textFile("run.json", JSON.stringify(options, null, 2))];
}

/** The folder of a model that the browser does not keep, as an archive. */
export async function zipModel({ run, model, tokenizer }: UnkeptModel): Promise<MadeFile> {
  const files = modelFiles(model, architectures, { extraFiles: Object.fromEntries(tokenizerFiles(tokenizer)) });
  return { name: `${run}.zip`, blob: await zipOf(run, files) };
}

/** It stays, to be taken along. */
export async function copyUnkept({ model, tokenizer }: UnkeptModel): Promise<OpenModel> {
  return { model: await copyModel(model), tokenizer };
}

export async function loadRun(run: string): Promise<OpenModel> {
  const { folder, files } = await openRun(run);
  const texts = new Map<string, string>();
  for (const { name } of files) if (name.endsWith(".json")) texts.set(name, (await textIn(folder, name))!);
  const tokenizer = tokenizerFromFiles(texts);
  return { model: await loadModelFrom(folder, architectures), tokenizer };
}

export async function takeOver(folder: FileSystemDirectoryHandle): Promise<string> {
  const name = await freeName(folder.name.replace(/[^\p{L}\p{N}_-]+/gu, "-") || "run");
  await importRun(name, folder);
  return name;
}

async function textIn(folder: ReadableFolder, name: string): Promise<string | undefined> {
  const file = await folder.open(name);
  return file && new TextDecoder().decode(await file.read(0, file.size));
}
