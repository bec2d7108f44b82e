import { weightBytes, weightsExpected, weightsToWrite } from "@gpt/gpt";
import type { GPT, WrittenWeights } from "@gpt/gpt";
import { oneOf, optional, printable, readOptions, text, weightDTypes } from "@gpt/tensor";
import type { Expectations, WeightDType } from "@gpt/tensor";
import { tokenizerFiles } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { GenerationError } from "../errors.ts";
import { elements, engine, notice, partScript, policy, script, style } from "../generated/page.ts";
import { invalidOption } from "../options.ts";
import { checkArguments, checkLanguageModel } from "../prompt.ts";
import { base64Length, base64Parts } from "./base64-parts.ts";
import type { PageModel } from "./page/messages.ts";

/** How a model becomes a file. */
export interface HTMLOptions extends WrittenWeights {
  /** As what matrices are stored; those of experts that the model has in mxfp4 stay so. Default int8. */
  readonly dtype?: WeightDType;
  /** What the page calls the model. Default "GPT". */
  readonly name?: string;
  /** Its license, where that is known. */
  readonly license?: string;
}

/** A file that is written piece by piece. */
export interface HTMLFile {
  /** Bytes of the whole file. */
  readonly byteLength: number;
  /** The contents. Iterated once; weights are read meanwhile. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Bytes of the largest file: Chromium was seen to open as many (docs/decisions/2026-11-30-a-gpt-as-one-file.md). */
const maxBytes = 2e9;

const optionsExpected: Expectations<HTMLOptions> = {
  weights: weightsExpected,
  dtype: oneOf(weightDTypes),
  name: optional(text),
  license: optional(text),
};

/**
 * A model, its tokenizer and what runs them as one HTML file, which writes when a browser opens it from disk: without a server and a
 * network. It has a page with a beginning, temperature and top-p, or for chats where the tokenizer has a template for them. Of the model's
 * defaults for generation it has what `@gpt/generate` computes. Throws `invalid-option` for a model of classes, `too-large`
 * for a file that browsers would not open, `unsupported-model` where parts of the model were replaced, and what
 * `tokenizerFiles` throws.
 *
 * @example
 * const { chunks } = htmlFile(model, tokenizer, { name: "My GPT" });
 * await writeFile("my-gpt.html", chunks);
 */
export function htmlFile(model: GPT, tokenizer: Tokenizer, options?: HTMLOptions): HTMLFile {
  checkLanguageModel(model);
  checkArguments(model, tokenizer, "");
  const { dtype = "int8", name = "GPT", license, weights } = readOptions<HTMLOptions>(options, optionsExpected, invalidOption);
  const stored = weightBytes(model, weightsToWrite(model, weights, invalidOption), dtype);
  const { unsupported: _, ...generation } = model.generation;
  const head = headOf({
    name, license, dtype, generation,
    dtypes: stored.dtypes,
    byteLength: stored.byteLength,
    parameters: model.parameterCount(),
    config: model.config,
    tokenizer: Object.fromEntries(tokenizerFiles(tokenizer)),
    chats: tokenizer.chatTemplates?.has("default") ?? false,
  });
  const byteLength = head.length + base64Length(stored.byteLength, before, behind);
  if (byteLength > maxBytes) {
    const advice = `choose a smaller model${dtype === "int4" ? "" : ", or store it in fewer bits (int4)"}`;
    throw new GenerationError("too-large", `the file would have ${byteLength} bytes, and browsers open at most ${maxBytes}: ${advice}`);
  }
  return { byteLength, chunks: chunksOf(head, stored.chunks) };
}

/** Around each part of the weights. A script behind it takes it. */
const before = '<script type="application/octet-stream">';
const behind = `</script><script>${partScript}</script>`;

async function* chunksOf(head: Uint8Array, weights: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* base64Parts(weights, before, behind);
}

/** All but the weights. */
function headOf(model: PageModel): Uint8Array {
  const title = printable(model.name).replace(/[&<]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  // Nothing in a text ends the element that it is in: there is no "<".
  const json = JSON.stringify(model).replaceAll("<", "\\u003c");
  return new TextEncoder().encode(
    `<!doctype html><html lang="en"><meta charset="utf-8">${notice}<meta http-equiv="Content-Security-Policy" content="${policy}">` +
      `<meta name="viewport" content="width=device-width"><title>${title}</title><link rel="icon" href="data:,"><style>${style}</style>` +
      `<body>${elements}<script type="application/json" id="model">${json}</script><script type="text/plain" id="engine">${engine}</script>` +
      `<script>${script}</script>`,
  );
}
