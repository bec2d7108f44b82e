import type { TrainEvent } from "../src/loop/events.ts";
import { train } from "../src/loop/train.ts";
import { createRun, importRun, listRuns, openRun, removeCheckpoint, removeRun, resumeRun, runDirectory } from "../src/web.ts";
import { collect, patternedData, startBackend, tinyModel } from "./fixtures.ts";
import { webRun } from "./web-run.ts";

/** What the page is asked to do. */
export type Question =
  | { readonly do: "train"; readonly name?: string; readonly steps?: number; readonly stopAt?: number; readonly keep?: number; readonly goesOn?: boolean }
  | { readonly do: "resume"; readonly name: string; readonly allowChanges?: boolean }
  /** Trains in a Worker, which is ended so many milliseconds after its first checkpoint. */
  | { readonly do: "crash"; readonly name: string; readonly after: number }
  | { readonly do: "damage"; readonly name: string; readonly step: number }
  | { readonly do: "write"; readonly folder: readonly string[]; readonly files: Readonly<Record<string, string>> }
  | { readonly do: "import"; readonly name: string; readonly folder: string }
  | { readonly do: "hold" | "read" | "remove"; readonly name: string }
  | { readonly do: "removeCheckpoint"; readonly name: string; readonly step: number }
  | { readonly do: "list" | "letGo" | "usage" };

/** What came of it. */
export interface Reply {
  readonly error?: { readonly code: string | undefined; readonly message: string };
  readonly events?: readonly TrainEvent[];
  /** All weights, in their order. */
  readonly weights?: readonly (readonly number[])[];
  readonly failures?: readonly string[];
  readonly value?: unknown;
}

const weightsOf = (model: ReturnType<typeof tinyModel>): number[][] => model.parameters().map((parameter) => [...parameter.dataSync()]);

async function begin({ name, steps = webRun.steps, stopAt, keep, goesOn }: Question & { readonly do: "train" }, onSaved?: () => void): Promise<Reply> {
  const model = tinyModel(webRun.model);
  const end = new AbortController();
  const failures: string[] = [];
  const events: TrainEvent[] = [];
  const run = train(model, {
    ...webRun.settings, data: patternedData(), steps, signal: end.signal,
    ...(name !== undefined && { checkpointer: await createRun(name, { keep, extraFiles: { "tokenizer.json": "{}" } }) }),
    ...(goesOn && { onSaveFailed: ({ message }) => failures.push(message) }),
  });
  for await (const event of run) {
    events.push(event);
    if (event.type === "checkpoint") onSaved?.();
    if (event.type === "step" && event.step === stopAt) end.abort();
  }
  return { events, weights: weightsOf(model), failures };
}

async function goOn({ name, allowChanges }: Question & { readonly do: "resume" }): Promise<Reply> {
  const { model, resume, checkpointer, notes } = await resumeRun(name);
  const events = await collect(train(model, { ...webRun.settings, data: patternedData(), steps: webRun.steps, resume, checkpointer, allowChanges }));
  return { events, weights: weightsOf(model), value: { step: resume.step, notes } };
}

async function crash({ name, after }: Question & { readonly do: "crash" }): Promise<Reply> {
  const worker = new Worker(import.meta.url, { type: "module" });
  await new Promise<void>((saved, failed) => {
    worker.onmessage = ({ data }) => (data === "saved" ? saved() : failed(new Error(String(data))));
    worker.onerror = (event) => failed(new Error(event.message));
    worker.postMessage(name);
  });
  await new Promise((wait) => setTimeout(wait, after));
  worker.terminate();
  // The browser lets go of its lock a moment later.
  while ((await listRuns()).some((run) => run.name === name && run.inUse)) await new Promise((wait) => setTimeout(wait, 10));
  return {};
}

const root = (): Promise<FileSystemDirectoryHandle> => navigator.storage.getDirectory();

async function makeFolder(path: readonly string[]): Promise<FileSystemDirectoryHandle> {
  let folder = await root();
  for (const name of path) folder = await folder.getDirectoryHandle(name, { create: true });
  return folder;
}

/** The files of the newest checkpoint, in Base64. */
async function readRun(name: string): Promise<Reply> {
  const { step, folder, files } = await openRun(name);
  const contents: Record<string, string> = {};
  for (const { name } of files) {
    const opened = (await folder.open(name))!;
    contents[name] = btoa(String.fromCharCode(...(await opened.read(0, opened.size))));
  }
  return { value: { step, contents } };
}

async function writeFile(folder: FileSystemDirectoryHandle, name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
  await stream.write(bytes);
  await stream.close();
}

let held: { close(): Promise<void> } | undefined;

async function reply(question: Question): Promise<Reply> {
  switch (question.do) {
    case "train":
      return begin(question);
    case "resume":
      return goOn(question);
    case "crash":
      return crash(question);
    case "damage": {
      const folder = await makeFolder(["gpt-runs", question.name, "checkpoints", `step-${question.step}`]);
      const file = await (await folder.getFileHandle("optimizer.safetensors")).getFile();
      const bytes = new Uint8Array(await file.arrayBuffer());
      bytes[bytes.length - 3] ^= 4;
      await writeFile(folder, "optimizer.safetensors", bytes);
      return {};
    }
    case "write": {
      const folder = await makeFolder(question.folder);
      for (const [name, content] of Object.entries(question.files)) {
        await writeFile(folder, name, Uint8Array.from(atob(content), (character) => character.charCodeAt(0)));
      }
      return {};
    }
    case "import":
      await importRun(question.name, await (await root()).getDirectoryHandle(question.folder));
      return {};
    case "hold":
      held = (await resumeRun(question.name)).checkpointer;
      return {};
    case "letGo":
      await held?.close();
      return {};
    case "read":
      return readRun(question.name);
    case "list":
      return { value: await listRuns() };
    case "remove":
      await removeRun(question.name);
      return { value: (await listRuns()).map(({ name }) => name) };
    case "removeCheckpoint":
      await removeCheckpoint(question.name, question.step);
      return {};
    case "usage":
      await runDirectory("with-notes");
      return { value: (await navigator.storage.estimate()).usage };
  }
}

function failed(error: unknown): Reply {
  const { code, message } = error as Error & { code?: string };
  return { error: { code, message } };
}

await startBackend();
if ("document" in globalThis) Object.assign(globalThis, { ask: (question: Question) => reply(question).catch(failed) });
else {
  globalThis.onmessage = ({ data }: MessageEvent<string>) => {
    begin({ do: "train", name: data, steps: 100_000 }, () => postMessage("saved")).catch((error: Error) => postMessage(error.message));
  };
}
