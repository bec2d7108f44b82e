import type { GPT } from "@gpt/gpt";
import type { ModelArea, ModelReport } from "../api/model.ts";
import { reply } from "../failure.ts";
import type { Session } from "../session.ts";

export const modelArea = (session: Session): ModelArea => ({
  openModel: (address) =>
    reply(async () => {
      const { loadModel } = await import("@gpt/gpt/web");
      session.model = await loadModel(address, { keep: false, backend: session.started?.backend });
      return reportOf(session.model);
    }),
});

/** What a model is, for people. */
export function reportOf(model: GPT): ModelReport {
  const { blocks, dim, contextLength, vocabSize } = model.config;
  return {
    parameters: model.parameters().reduce((sum, { size }) => sum + size, 0),
    layers: blocks.length, dim, contextLength, vocabSize,
    heads: blocks[0].attention.heads,
  };
}
