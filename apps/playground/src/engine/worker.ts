import { expose, releaseProxy, transfer } from "comlink";
import type { ProxyMethods } from "comlink";
import type { GPT } from "@gpt/gpt";
import { loadTokenizer } from "@gpt/tokenizer/web";
import type { EngineApi, ModelReport, Reply } from "./api.ts";
import type { Started } from "./backends.ts";
import { EngineError, reply } from "./failure.ts";
import { Vocabularies } from "./vocabularies.ts";
import type { OpenModel } from "./writing.ts";

const vocabularies = new Vocabularies();
let started: Started | undefined;
let model: GPT | undefined;
/** What is being written, by its number. */
const jobs = new Map<number, AbortController>();

/** What computes is imported when it starts, so that tokens are there before. */
const backends = () => import("./backends.ts");
const writing = () => import("./writing.ts");

const api: EngineApi = {
  places: () => reply(async () => (await backends()).findPlaces()),
  start: (choice) =>
    reply(async () => {
      model = undefined;
      const next = await (await backends()).startBackend(choice);
      started?.backend.dispose();
      started = next;
      return next.report;
    }),
  openModel: (address) =>
    reply(async () => {
      const { loadModel } = await import("@gpt/gpt/web");
      model = await loadModel(address, { keep: false, backend: started?.backend });
      return reportOf(model);
    }),
  openVocabulary: (address) =>
    reply(async () => vocabularies.set("model", await loadTokenizer(address, { keep: false }))),
  addVocabulary: (file) => reply(async () => vocabularies.set("own", await loadTokenizer(file))),
  tokenize: async (...question) => transferred(await reply(() => vocabularies.tokenize(...question))),
  explain: (...question) => reply(() => vocabularies.explain(...question)),
  readPrompt: (text) => reply(async () => (await writing()).readPrompt(await openModel(), text)),
  write: (job, ids, options, onTokens) =>
    reply(async () => {
      const controller = new AbortController();
      jobs.set(job, controller);
      try {
        return await (await writing()).write(await openModel(), ids, options, controller.signal, onTokens);
      } finally {
        jobs.delete(job);
        (onTokens as unknown as ProxyMethods)[releaseProxy]();
      }
    }),
  stopWriting: (job) => reply(() => jobs.get(job)?.abort()),
  outlook: (...question) => reply(async () => (await writing()).outlook(await openModel(), ...question)),
};

async function openModel(): Promise<OpenModel> {
  if (!model) throw new EngineError({ code: "not-open", message: "no model is open" });
  return { model, tokenizer: await vocabularies.get("model") };
}

/** Arrays move to the page, they are not copied. */
function transferred<T extends object>(answer: Reply<T>): Reply<T> {
  if ("failure" in answer) return answer;
  const buffers = Object.values(answer.value).flatMap((part: unknown) => (ArrayBuffer.isView(part) ? [part.buffer as ArrayBuffer] : []));
  return transfer(answer, buffers);
}

function reportOf(model: GPT): ModelReport {
  const { blocks, dim, contextLength, vocabSize } = model.config;
  return {
    parameters: model.parameters().reduce((sum, { size }) => sum + size, 0),
    layers: blocks.length, dim, contextLength, vocabSize,
    heads: blocks[0].attention.heads,
  };
}

expose(api);
