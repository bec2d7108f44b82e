import type { Token } from "node-llama-cpp";
import { packageVersion, serve } from "../harness/serve.ts";
import { timeTokens } from "./decoding.ts";
import type { DecodingTask } from "./decoding.ts";

interface Setup {
  readonly model: string;
  readonly threads: number;
  /** Keys and values in f32, as ours, instead of llama.cpp's f16. */
  readonly exactCache?: boolean;
}

await serve<Setup, DecodingTask>(async ({ model: modelPath, threads, exactCache }) => {
  const { getLlama, LlamaLogLevel } = await import("node-llama-cpp");
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    maxThreads: threads,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const cache = exactCache ? ({ experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32" } as const) : {};
  const contextSize = model.trainContextSize;
  const context = await model.createContext({
    contextSize,
    batchSize: contextSize,
    threads: { ideal: threads, min: threads },
    ...cache,
  });
  const sequence = context.getSequence();
  return {
    version: packageVersion("node-llama-cpp"),
    async run({ prompt, tokens }) {
      await sequence.clearHistory();
      const stream = sequence.evaluate(prompt as Token[], { temperature: 0, yieldEogToken: true });
      return timeTokens(stream, tokens);
    },
  };
});
