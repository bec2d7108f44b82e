import type { GGUFValue } from "@gpt/formats/gguf";
import type { TensorNames } from "../../architectures/architecture.ts";
import type { GPTConfig } from "../../config.ts";
import type { GPTOptions } from "../../short-form.ts";
import type { GGUFFields } from "../fields.ts";

/** A kind of model that llama.cpp runs, by the `general.architecture` of its files. */
export interface GGUFArchitecture {
  readonly name: string;
  /** Reads what a file says of its model. Throws `invalid-file`, and `unsupported-model` for what is not computed here. */
  read(fields: GGUFFields, tensors: GGUFTensors): GPTOptions | GPTConfig;
  /** What a file says of a model, or what of the model the architecture does not have, as text: what follows "it has". */
  write(config: GPTConfig): GGUFModel | string;
  /** Where a model's weights lie. */
  tensorsOf(config: GPTConfig): TensorNames;
}

/** What an architecture asks of the tensors of a file. */
export interface GGUFTensors {
  /** Row-major, or undefined where there is no such tensor. */
  shapeOf(name: string): readonly number[] | undefined;
  /** The factors of rotary wavelengths, where there is a tensor of them. */
  readonly ropeFactors: Float32Array | undefined;
}

/** What a file says of a model. */
export interface GGUFModel {
  /** By keys without the architecture. */
  readonly fields: Readonly<Record<string, GGUFValue>>;
  readonly ropeFactors?: Float32Array;
}

export const ropeFactorsName = "rope_freqs.weight";
export const embeddingName = "token_embd.weight";
export const headName = "output.weight";

/** Numbers as they are written. */
export const u32 = (value: number): GGUFValue => ({ type: "u32", value });
export const f32 = (value: number): GGUFValue => ({ type: "f32", value });
export const text = (value: string): GGUFValue => ({ type: "string", value });
