import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { expect, inject, test } from "vitest";

/** A program with all that it uses, minified into one file, but what is imported when it is needed (what reads GGUF, Muon, what follows the best state): a bundler puts that aside. */
async function bundle(program: string): Promise<string> {
  const { outputFiles } = await esbuild.build({
    stdin: { contents: program, resolveDir: inject("installed") }, bundle: true, format: "esm", minify: true, write: false,
    plugins: [{
      name: "aside",
      setup: ({ onResolve }) => onResolve({ filter: /gguf|muon|best/ }, ({ path, kind }) => (kind === "dynamic-import" ? { path, external: true } : undefined)),
    }],
  });
  return outputFiles[0].text;
}

/** What tells of the wasm backend: a compiled module in base64 begins with the one, its user mentions the other. */
const wasm = ["AGFzbQ", "WebAssembly"];
/** What tells of kernels in WGSL. */
const wgsl = ["@compute", "var<storage"];
/** What tells of the backend native. */
const blas = ["cblas_sgemm", "koffi"];

/** What tells of ONNX. */
const onnx = ["past_key_values", "LayerNormalization"];

/** What tells of what reads GGUF. */
const gguf = ["tokenizer.ggml", "general.architecture", "general.alignment"];

/** What tells of adapters. */
const lora = ["mergeInto", "lora_A"];

/** What tells of Muon. */
const muon = ["2.0315", "names no parameter"];

/** What tells of an architecture: names that no other has. */
const namesOf = {
  openaiGpt: ["OpenAIGPTLMHeadModel", "tokens_embed"],
  gpt2: ["c_attn", "n_embd", "GPT2LMHeadModel"],
  llama: ["LlamaForCausalLM", "input_layernorm", "rope_interleaved"],
  mixtral: ["block_sparse_moe", "MixtralForCausalLM", "norm_topk_prob"],
  qwen: ["use_sliding_window", "q_norm", "Qwen2ForCausalLM"],
  gptOss: ["gate_up_proj", "GptOssForCausalLM", "swiglu_limit"],
};

function names(...architectures: readonly (keyof typeof namesOf)[]): string[] {
  // Nor what is refused by name.
  return [...architectures.flatMap((name) => namesOf[name]), "gpt_neox"];
}

/** A program that loads models of one architecture, saves them, and writes text. */
function folders(architecture: string): string {
  return `
    import { streamText } from "@gpt/generate";
    import { ${architecture}, loadModelFrom, modelFiles } from "@gpt/gpt";
    import { useBackend } from "@gpt/tensor";
    import { cpu } from "@gpt/tensor/cpu";
    useBackend(await cpu());
    console.log(streamText, (folder) => loadModelFrom(folder, [${architecture}]), (model) => modelFiles(model, [${architecture}]));`;
}

test.each([
  {
    title: "a matrix product on cpu",
    program: `
      import { matmul, ones, useBackend } from "@gpt/tensor";
      import { cpu } from "@gpt/tensor/cpu";
      useBackend(await cpu());
      console.log(await matmul(ones([2, 3]), ones([3, 2])).data());`,
    ceiling: 13.8,
    without: [...wasm, ...wgsl, ...blas],
  },
  {
    title: "training and writing on cpu",
    program: `
      import { streamText } from "@gpt/generate";
      import { GPT } from "@gpt/gpt";
      import { useBackend } from "@gpt/tensor";
      import { cpu } from "@gpt/tensor/cpu";
      import { CharacterTokenizer } from "@gpt/tokenizer";
      import { train } from "@gpt/train";
      console.log(streamText, GPT, useBackend, cpu, CharacterTokenizer, train);`,
    ceiling: 56.6, // The loop knows the optimizers by name, ends by the best state that could be saved, has the dropout of a run, and changes its rate.
    without: [...wasm, ...wgsl, ...blas, ...onnx, ...lora, ...muon],
  },
  {
    title: "the wasm backend, in both builds",
    program: `
      import { wasm } from "@gpt/tensor/wasm";
      console.log(wasm);`,
    ceiling: 82,
    without: [...wgsl, ...blas],
  },
  {
    title: "writing on WebGPU",
    program: `
      import { streamText } from "@gpt/generate";
      import { GPT } from "@gpt/gpt";
      import { useBackend } from "@gpt/tensor";
      import { webgpu } from "@gpt/tensor/webgpu";
      console.log(streamText, GPT, useBackend, webgpu);`,
    ceiling: 77.6, // A pass can begin at any block.
    without: [...wasm, ...blas],
  },
  {
    title: "folders of gpt2 on cpu",
    program: folders("gpt2"),
    ceiling: 63.3,
    without: [...wasm, ...wgsl, ...names("openaiGpt", "llama", "mixtral", "qwen", "gptOss"), ...onnx, ...gguf, ...lora],
  },
  {
    title: "folders of llama on cpu",
    program: folders("llama"),
    ceiling: 64.6,
    without: [...wasm, ...wgsl, ...names("openaiGpt", "gpt2", "mixtral", "qwen", "gptOss")],
  },
  {
    title: "folders of gpt_oss on cpu",
    program: folders("gptOss"),
    ceiling: 65.7,
    without: [...wasm, ...wgsl, ...names("openaiGpt", "gpt2", "mixtral", "qwen")],
  },
  {
    title: "writing ONNX on cpu",
    program: `
      import { GPT } from "@gpt/gpt";
      import { onnxFiles } from "@gpt/gpt/onnx";
      import { useBackend } from "@gpt/tensor";
      import { cpu } from "@gpt/tensor/cpu";
      console.log(GPT, onnxFiles, useBackend, cpu);`,
    ceiling: 47.3, // A pass can begin at any block.
    without: [...wasm, ...wgsl, ...blas, ...names("openaiGpt", "gpt2", "llama", "mixtral", "qwen", "gptOss")],
  },
  {
    title: "any model and its tokenizer in a page, on wasm",
    program: `
      import { streamText } from "@gpt/generate";
      import { loadModel, saveModel } from "@gpt/gpt/web";
      import { loadTokenizer } from "@gpt/tokenizer/web";
      console.log(streamText, loadModel, saveModel, loadTokenizer);`,
    ceiling: 188,
    // Nor the cache that Node has.
    without: [...wgsl, ...blas, ...gguf, "HF_HUB_CACHE", "snapshots"],
  },
  {
    title: "writing one HTML file, with the page and its engine as texts",
    program: `
      import { htmlFile } from "@gpt/generate/html";
      console.log(htmlFile);`,
    ceiling: 228,
    without: [...wgsl, ...blas, ...gguf, ...onnx, ...lora, ...muon],
  },
  {
    title: "metrics of texts",
    program: `
      import { bleu, chrf, exactMatch, rouge } from "@gpt/train/metrics";
      console.log(bleu, chrf, exactMatch, rouge);`,
    ceiling: 6,
    without: [...wasm, ...wgsl, ...blas],
  },
  {
    title: "the tokenizer of GPT-2",
    program: `
      import { gpt2 } from "@gpt/tokenizer/gpt2";
      console.log(gpt2().encode("Hello"));`,
    ceiling: 200,
    without: [...wasm, ...wgsl, ...blas],
  },
])("$title: at most $ceiling kB", async ({ title, program, ceiling, without }) => {
  const text = await bundle(program);
  const kilobytes = gzipSync(text).length / 1000;
  console.info(`${title}: ${kilobytes.toFixed(1)} kB, minified and compressed`);
  expect(kilobytes).toBeLessThan(ceiling);
  for (const name of without) expect(text).not.toContain(name);
});
