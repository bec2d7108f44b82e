import { currentBackend, useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import type { GPT } from "../src/model.ts";
import { architectures } from "../src/architectures/index.ts";
import { addLoRA, removeAdapter } from "../src/lora.ts";
import { loadAdapter, saveAdapter } from "../src/lora-web.ts";
import { listDownloads, loadModel, planModel, removeDownload, roomIn, saveGGUF, saveModel } from "../src/web.ts";
import type { LoadModelOptions, UrlProgress, WebSource } from "../src/web.ts";
import { loadTokenizer } from "@gpt/tokenizer/web";
import { fillAdapters } from "./adapters.ts";
import { sumsOf } from "./sums.ts";

/** What the page is asked to do. */
export type Question =
  | { readonly do: "load"; readonly source: string; readonly options?: Omit<LoadModelOptions, "backend">; readonly stopAt?: number }
  | { readonly do: "plan"; readonly source: string; readonly options?: Omit<LoadModelOptions, "backend"> }
  | { readonly do: "room"; readonly maxBytes: number; readonly deviceMemory?: number }
  | { readonly do: "tokenize"; readonly source: string; readonly text: string; readonly options?: { readonly endpoint: string } }
  | { readonly do: "save"; readonly folder: string; readonly extraFiles?: Readonly<Record<string, string>> }
  | { readonly do: "store"; readonly folder: string; readonly urls: readonly string[] }
  | { readonly do: "download"; readonly name: string }
  | { readonly do: "saveGGUF"; readonly name: string; readonly folder?: string }
  | { readonly do: "adapt"; readonly name: string; readonly folder: string }
  | { readonly do: "list" }
  | { readonly do: "usage" }
  | { readonly do: "remove"; readonly url: string };

/** What came of it. */
export interface Reply {
  readonly error?: { readonly code: string | undefined; readonly message: string };
  /** Of a model: its parameters, and sums over its weights. */
  readonly model?: readonly [parameters: number, sums: readonly number[]];
  readonly progress?: readonly UrlProgress[];
  readonly notes?: readonly string[];
  readonly value?: unknown;
}

let model: GPT | undefined;

const folderNamed = async (name: string): Promise<FileSystemDirectoryHandle> =>
  (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });

/** `opfs:NAME` is a folder of the browser's own file system, `files:NAME` the files that are in it, `file:NAME` one that is alone in it. */
async function sourceOf(text: string): Promise<WebSource> {
  const [, kind, name] = /^(opfs|files|file):(.*)$/.exec(text) ?? [];
  if (kind === undefined) return text;
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(name);
  if (kind === "opfs") return folder;
  const files: File[] = [];
  for await (const entry of folder.values()) if (entry.kind === "file") files.push(await entry.getFile());
  return kind === "file" ? files[0] : files;
}

async function load(question: Question & { readonly do: "load" }): Promise<Reply> {
  const progress: UrlProgress[] = [];
  const notes: string[] = [];
  const end = new AbortController();
  const { stopAt = Infinity, source, options } = question;
  try {
    model = await loadModel(await sourceOf(source), {
      ...options,
      signal: end.signal,
      onNote: (note) => notes.push(note),
      onProgress: (event) => {
        progress.push(event);
        if (event.bytes >= stopAt) end.abort(new Error("the page was closed"));
      },
    });
    return { model: await sumsOf(model), progress, notes };
  } catch (error) {
    return { ...failed(error), progress, notes };
  }
}

function failed(error: unknown): Reply {
  const { code, message } = error as Error & { code?: unknown };
  return { error: { code: typeof code === "string" ? code : undefined, message } };
}

async function reply(question: Question): Promise<Reply> {
  switch (question.do) {
    case "load":
      return load(question);
    case "plan":
      return { value: await planModel(await sourceOf(question.source), question.options) };
    case "room": {
      const { maxBytes, deviceMemory } = question;
      Object.defineProperty(navigator, "deviceMemory", { value: deviceMemory, configurable: true });
      return { value: roomIn(Object.create(currentBackend(), { memory: { value: { maxBytes, liveBytes: 100 } } }) as Backend) };
    }
    case "tokenize":
      return { value: Array.from((await loadTokenizer(await sourceOf(question.source), question.options)).encode(question.text)) };
    case "save": {
      const storage = await navigator.storage.getDirectory();
      const { folder, extraFiles } = question;
      await saveModel(model!, await storage.getDirectoryHandle(folder, { create: true }), { extraFiles });
      const names: string[] = [];
      for await (const name of (await storage.getDirectoryHandle(folder)).keys()) names.push(name);
      return { value: names.sort() };
    }
    case "store": {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(question.folder, { create: true });
      for (const url of question.urls) {
        const stream = await (await folder.getFileHandle(url.slice(url.lastIndexOf("/") + 1), { create: true })).createWritable();
        await (await fetch(url)).body!.pipeTo(stream);
      }
      return {};
    }
    case "download":
      await saveModel(model!, { download: question.name });
      return {};
    case "saveGGUF": {
      const folder = question.folder === undefined ? undefined : await folderNamed(question.folder);
      await saveGGUF(model!, question.name, { dtype: "q8_0", folder });
      return {};
    }
    case "adapt": {
      addLoRA(model!, architectures, { name: "first", rank: 2 });
      fillAdapters(model!);
      const folder = await folderNamed(question.folder);
      await saveAdapter(model!, folder, { baseModel: "toys/abc" });
      const own = await sumsOf(model!);
      removeAdapter(model!, "first");
      const layers = await loadAdapter(model!, folder, { name: "second" });
      await saveAdapter(model!, { download: question.name });
      return { value: { layers, own: own[1], loaded: (await sumsOf(model!))[1] } };
    }
    case "list":
      return { value: await listDownloads() };
    case "usage":
      return { value: (await navigator.storage.estimate()).usage };
    case "remove":
      return { value: await removeDownload(question.url) };
  }
}

useBackend(await cpu());
Object.assign(globalThis, { ask: (question: Question) => reply(question).catch(failed) });
