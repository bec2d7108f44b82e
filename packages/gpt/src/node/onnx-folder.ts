import { join } from "node:path";
import { oneOf, oneOrMore, readOptions } from "@gpt/tensor";
import { checkPath, publishFiles } from "@gpt/formats/node";
import { architectures } from "../architectures/index.ts";
import { GPTError } from "../errors.ts";
import { describingFiles } from "../folder/save.ts";
import type { GPT } from "../model.ts";
import { onnxFiles, onnxNames } from "../onnx/onnx-files.ts";
import type { ONNXFilesOptions } from "../onnx/onnx-files.ts";
import type { ONNXDType } from "../onnx/weights.ts";
import type { SaveOptions } from "./model-folder.ts";

/** How a folder of ONNX is written. */
export interface SaveONNXOptions extends Omit<ONNXFilesOptions, "dtype">, Omit<SaveOptions, "maxShardBytes" | "dtype"> {
  /** As what matrices are stored, in a file of each of these. Default f32. */
  readonly dtype?: ONNXDType | readonly ONNXDType[];
}

/** The files of graphs, which go into this folder. */
const folderName = "onnx";

/**
 * Saves a model as a folder of ONNX, new or existing, as Hugging Face's transformers.js reads it: `config.json`,
 * `generation_config.json` where there are defaults, the extra files, such as `tokenizer.json`, and in `onnx/` what `onnxFiles`
 * gives. Graphs that were there before and are not among these are removed. Each of the two folders is written as
 * `publishFiles` does: `onnx/` first, so that a new folder has no `config.json` until it is complete.
 *
 * @example
 * await saveONNX(model, "my-model-onnx", { dtype: ["f32", "int8"] });
 */
export async function saveONNX(model: GPT, directory: string, options?: SaveONNXOptions): Promise<void> {
  checkPath("saveONNX", directory);
  const { architectures: kinds = architectures, operations, maxFileBytes, extraFiles, weights, ...rest } = options ?? {};
  const { dtype = "f32" } = readOptions(rest, { dtype: oneOrMore(oneOf(Object.keys(onnxNames))) }, (problem) =>
    new GPTError("invalid-input", `saveONNX: ${problem}`));
  const dtypes = [...new Set(typeof dtype === "string" ? [dtype] : dtype)];
  if (dtypes.length === 0) throw new GPTError("invalid-input", "saveONNX: dtype is an empty list; name at least one");
  const graphs = dtypes.map((dtype) => onnxFiles(model, { dtype, maxFileBytes, weights }));
  // Says transformers.js how many files of weights are beside a graph.
  const external = Object.fromEntries(graphs.flatMap((files) =>
    files.length > 1 ? [[files[files.length - 1].name, files.length - 1]] : []));
  const fields = Object.keys(external).length > 0 ? { "transformers.js_config": { use_external_data_format: external } } : {};
  const described = describingFiles(model, kinds, { extraFiles }, fields);
  await publishFiles(join(directory, folderName), graphs.flat(), { obsolete: isGraphFile, operations });
  await publishFiles(directory, described, { operations });
}

function isGraphFile(name: string): boolean {
  return Object.values(onnxNames).some((model) => name === model || name.startsWith(`${model}_data`));
}
