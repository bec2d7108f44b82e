import { blobOf } from "@gpt/formats/web";
import { describeModel, weightBytesOf } from "@gpt/gpt";
import type { GPTConfig, MatrixDTypes } from "@gpt/gpt";
import { listDownloads, loadModel, planModel, removeDownload, roomIn } from "@gpt/gpt/web";
import { isGptError } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/web";
import type { MadeFile } from "./api/made-file.ts";
import type { KeptModel, ModelForecast, ModelReport, ModelSource, OnBytes, OpenOptions } from "./api/model.ts";
import { EngineError } from "./failure.ts";
import { pause } from "./messages.ts";
import { opened } from "./model-source.ts";
import type { Session } from "./session.ts";

/** Tokens of a text that a model is to have room for. */
const textTokens = 1024;

/** Reads what a model is. What cannot be opened is found here, while another one is still open. */
export async function forecast(session: Session, place: ModelSource, signal: AbortSignal, onBytes: OnBytes): Promise<ModelForecast> {
  const backend = session.backend();
  const { source, options } = await opened(place);
  const { config, dtypes } = await planModel(source, { ...options, signal, onProgress: told(onBytes, signal) });
  if (config.head.type === "classes") throw new EngineError({ code: "no-text", message: "the model gives classes to texts, and writes none" });
  const { parameters, cacheBytesPerToken } = describeModel(config);
  const text = cacheBytesPerToken * Math.min(config.contextLength, textTokens);
  const roomBeside = roomIn(backend);
  return {
    parameters: parameters.total,
    bytes: weightBytesOf(config, dtypes) + text,
    bytesAsInt8: weightBytesOf(config, "int8") + text,
    roomBeside,
    room: roomBeside + session.weightBytes,
  };
}

export async function open(
  session: Session, place: ModelSource, { asInt8, isAlone }: OpenOptions, signal: AbortSignal, onBytes: OnBytes,
): Promise<ModelReport> {
  const backend = session.backend();
  const { source, options } = await opened(place);
  const dtype = asInt8 ? "int8" : undefined;
  const { config, dtypes } = await planModel(source, { ...options, dtype, signal });
  const tokenizer = await tokenizerOf(place, signal);
  signal.throwIfAborted();
  if (isAlone) await session.closeModel();
  const notes = new Set<string>();
  const onNote = (note: string): void => void notes.add(note);
  const model = await loadModel(source, { ...options, dtype, backend, signal, onNote, onProgress: told(onBytes, signal) });
  const report = reportOf(config, tokenizer, dtypes, [...notes]);
  await session.replaceModel(model, tokenizer, report.weightBytes);
  return report;
}

async function tokenizerOf(place: ModelSource, signal: AbortSignal): Promise<Tokenizer> {
  const { source, options } = await opened(place);
  try {
    return await loadTokenizer(source, { ...options, signal });
  } catch (error) {
    if (isGptError(error) && error.code === "missing-file") throw new EngineError({ code: "no-tokenizer", message: error.message });
    throw error;
  }
}

/** Tells the page now and then. An end that was asked for ends the reading of files, too. */
function told(onBytes: OnBytes, signal: AbortSignal): (progress: { readonly bytes: number; readonly totalBytes: number }) => void {
  let last = -Infinity;
  return ({ bytes, totalBytes }) => {
    signal.throwIfAborted();
    if (performance.now() - last < pause) return;
    last = performance.now();
    void onBytes(bytes, totalBytes);
  };
}

/** What a model is, for people, whose matrices are stored as `dtypes`: by default in f32, as those of runs are. */
export function reportOf(config: GPTConfig, { chatTemplates }: Tokenizer, dtypes: MatrixDTypes = {}, notes: readonly string[] = []): ModelReport {
  const { blocks, dim, contextLength, vocabSize } = config;
  const { parameters } = describeModel(config);
  return {
    parameters: parameters.total, layers: blocks.length, heads: blocks[0].attention.heads, dim, contextLength, vocabSize,
    dtype: dtypes.matrix ?? "f32", weightBytes: weightBytesOf(config, dtypes), notes,
    chats: (chatTemplates?.size ?? 0) > 0,
  };
}

/** The open model as one HTML file. What such a file has is imported when one is made. */
export async function asPage(session: Session, name: string): Promise<MadeFile> {
  const { htmlFile } = await import("@gpt/generate/html");
  return session.withModel(async ({ model, tokenizer }) => {
    const file = `${name.replace(/\.gguf$/i, "").replace(/[^\p{L}\p{N}._-]+/gu, "-")}.html`;
    return { name: file, blob: new Blob([await blobOf(htmlFile(model, tokenizer, { name }))], { type: "text/html" }) };
  });
}

/** The repository of the hub that an address of files is of: of the files themselves, or of what the hub says of them. */
const repository = /^https:\/\/huggingface\.co\/(?:api\/models\/)?([^/]+\/[^/]+)\/(?:resolve|revision)\//;

async function downloadsByName(): Promise<Map<string, { readonly urls: string[]; bytes: number }>> {
  const found = new Map<string, { readonly urls: string[]; bytes: number }>();
  for (const { url, bytes } of await listDownloads()) {
    const name = repository.exec(url)?.[1];
    if (name === undefined) continue;
    const own = found.get(name) ?? { urls: [], bytes: 0 };
    own.urls.push(url);
    own.bytes += bytes;
    found.set(name, own);
  }
  return found;
}

export async function kept(): Promise<KeptModel[]> {
  return Array.from(await downloadsByName(), ([name, { bytes }]) => ({ name, bytes }));
}

export async function removeKept(name: string): Promise<void> {
  for (const url of (await downloadsByName()).get(name)?.urls ?? []) await removeDownload(url);
}
