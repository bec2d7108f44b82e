import { blobOf, zipOf } from "@gpt/formats/web";
import { architectures, copyModel, modelFiles } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { adapterFiles, mergedCopy } from "@gpt/gpt/lora";
import { copyInto, mul, noGrad, PackedWeight, scope } from "@gpt/tensor";
import { tokenizerFiles } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import type { MadeFile } from "../api/made-file.ts";
import type { TunedPackage } from "../api/tuning.ts";
import { EngineError, failureOf } from "../failure.ts";

/** What is taken away. */
interface Tuned {
  readonly model: GPT;
  readonly tokenizer: Tokenizer;
  readonly hasAdapter: boolean;
  readonly temperature: number | undefined;
}

/** The files of a tuned model, as one that the browser saves. */
export async function packageOf(kind: TunedPackage, tuned: Tuned): Promise<MadeFile> {
  try {
    return await packed(kind, tuned);
  } catch (error) {
    const { code, message } = failureOf(error);
    throw code === "unsupported-model" || code === "unsupported-file" ? new EngineError({ code: "cannot-hold", message }) : error;
  }
}

async function packed(kind: TunedPackage, tuned: Tuned): Promise<MadeFile> {
  const { model, tokenizer, hasAdapter } = tuned;
  const extraFiles = Object.fromEntries(tokenizerFiles(tokenizer));
  if (kind === "peft") return { name: "tuned-lora.zip", blob: await zipOf("tuned-lora", adapterFiles(model, architectures, { extraFiles })) };
  const whole = await wholeOf(model, hasAdapter);
  try {
    calibrate(whole, tuned);
    if (kind === "folder") return { name: "tuned-model.zip", blob: await zipOf("tuned-model", modelFiles(whole, architectures, { extraFiles })) };
    const dtype = kind === "gguf-q8_0" ? "q8_0" : "f16";
    const [{ ggufModelFiles }, { tokenizerToGGUF }] = await Promise.all([import("@gpt/gpt/gguf"), import("@gpt/tokenizer/gguf")]);
    const metadata = tokenizerToGGUF(tokenizer, { vocabSize: whole.config.vocabSize });
    const [file] = ggufModelFiles(`tuned-${dtype}.gguf`, whole, { dtype, name: "tuned", tokenizer: metadata });
    return { name: file.name, blob: await blobOf(file) };
  } finally {
    whole.dispose();
  }
}

/** A copy of a model, with what its adapter has learnt. */
export function wholeOf(model: GPT, hasAdapter: boolean): Promise<GPT> {
  return hasAdapter ? mergedCopy(model) : copyModel(model);
}

/** A classifier's head takes up its temperature, so that whatever tool computes its softmax gives calibrated probabilities. */
function calibrate({ config, head: { weight } }: GPT, { temperature }: Tuned): void {
  if (config.head.type !== "classes" || temperature === undefined || weight instanceof PackedWeight) return;
  noGrad(() => scope(() => { copyInto(weight, mul(weight, 1 / temperature)); }));
}
