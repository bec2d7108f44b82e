/**
 * What a page runs, with its types stripped: `globalThis.ask` computes the greedy text behind a prompt, by onnxruntime-web.
 */
import * as ort from "onnxruntime-web";
import { greedy } from "./onnx-runtime.ts";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL("ort.wasm", location.href).href };

interface Question {
  readonly model: string;
  readonly prompt: readonly number[];
  readonly count: number;
  readonly settings: ort.InferenceSession.SessionOptions;
}

Object.assign(globalThis, {
  ask: async ({ model, prompt, count, settings }: Question) =>
    greedy(ort, await ort.InferenceSession.create(model, settings), prompt, count),
});
