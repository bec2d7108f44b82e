import { expose, transfer } from "comlink";
import type { GPT } from "@gpt/gpt";
import { loadTokenizer } from "@gpt/tokenizer/web";
import type { EngineApi, ModelReport, Reply } from "./api.ts";
import type { Started } from "./backends.ts";
import { reply } from "./failure.ts";
import { Vocabularies } from "./vocabularies.ts";

const vocabularies = new Vocabularies();
let started: Started | undefined;

/** What computes is imported when it starts, so that tokens are there before. */
const backends = () => import("./backends.ts");

const api: EngineApi = {
  places: () => reply(async () => (await backends()).findPlaces()),
  start: (choice) =>
    reply(async () => {
      const next = await (await backends()).startBackend(choice);
      started?.backend.dispose();
      started = next;
      return next.report;
    }),
  openModel: (address) =>
    reply(async () => {
      const { loadModel } = await import("@gpt/gpt/web");
      return reportOf(await loadModel(address, { keep: false, backend: started?.backend }));
    }),
  openVocabulary: (address) =>
    reply(async () => vocabularies.set("model", await loadTokenizer(address, { keep: false }))),
  addVocabulary: (file) => reply(async () => vocabularies.set("own", await loadTokenizer(file))),
  tokenize: async (...question) => transferred(await reply(() => vocabularies.tokenize(...question))),
  explain: (...question) => reply(() => vocabularies.explain(...question)),
};

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
