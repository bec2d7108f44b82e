import { checkArgument, numberThat, objectWith, oneOf, readOptions } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import type { OutputFile } from "@gpt/formats";
import { GPTError } from "../errors.ts";
import { replacedWeight } from "../folder/save.ts";
import type { GPT } from "../model.ts";
import { weightsExpected, weightsToWrite } from "../model-weights.ts";
import type { WrittenWeights } from "../model-weights.ts";
import { decoderOf } from "./decoder.ts";
import { graphFiles } from "./graph-files.ts";
import type { ONNXDType } from "./weights.ts";

/** How a model is written as ONNX. */
export interface ONNXFilesOptions extends WrittenWeights {
  /**
   * As what matrices are stored: `f32`, or `int8`, which is bytes with a scale for each 32 of them. A matrix that the model has
   * in int8 keeps its bits. Default f32.
   */
  readonly dtype?: ONNXDType;
  /**
   * Up to so many bytes, all is in one file. Beyond, weights are in files of at most as many, or of one weight that has more.
   * Default 2e9: protobuf ends at 2 GiB.
   */
  readonly maxFileBytes?: number;
}

/** The names that Hugging Face's transformers.js asks for. */
export const onnxNames: Readonly<Record<ONNXDType, string>> = { f32: "model.onnx", int8: "model_quantized.onnx" };

const optionsExpected: Expectations<ONNXFilesOptions> = {
  weights: weightsExpected,
  dtype: oneOf(Object.keys(onnxNames)),
  maxFileBytes: numberThat("above 0", (bytes) => bytes > 0),
};

/**
 * A model as a graph of ONNX (opset 21, no operators but the standard's): `model.onnx`, or `model_quantized.onnx` for int8, and
 * before it, where it is large, the files of its weights, `model.onnx_data` and so on. Inputs and outputs are named as by
 * Hugging Face's Optimum, batch and lengths may be any:
 *
 * | input | |
 * | --- | --- |
 * | `input_ids`, `position_ids` | `[batch, tokens]`, i64; positions from 0 in each sequence, within the context |
 * | `attention_mask` | `[batch, past + tokens]`, i64: 0 for padding, which is on the left |
 * | `past_key_values.N.key`, `.value` | `[batch, kvHeads, past, headDim]`, f32, of block N |
 *
 * Outputs are `logits` `[batch, tokens, vocabSize]` and `present.N.key`, `.value`, which are the next call's past. Weights are
 * read from the model while the files are written: the model must live, and not change, until then. Throws
 * `unsupported-model` where parts of the model were wrapped or replaced.
 *
 * @example
 * const [file] = onnxFiles(model);
 * const blob = new Blob(await Array.fromAsync(file.chunks));
 */
export function onnxFiles(model: GPT, options?: ONNXFilesOptions): OutputFile[] {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `onnxFiles: ${problem}`);
  checkArgument("model", model, objectWith("a GPT", "config", "namedWeights()"), fail);
  const { dtype = "f32", maxFileBytes = 2e9, weights } = readOptions<ONNXFilesOptions>(options, optionsExpected, fail);
  const read = weightsToWrite(model, weights, fail);
  const replaced = model.config.head.type === "classes" ? "a head of classes" : replacedWeight(model);
  if (replaced !== undefined) throw new GPTError("unsupported-model", `onnxFiles cannot write this model: it has ${replaced}`);
  return graphFiles(onnxNames[dtype], decoderOf(model, read, dtype), maxFileBytes);
}
