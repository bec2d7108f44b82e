/**
 * Options of ours, and under what names nanoGPT, Hugging Face's tools and llama.cpp have them, without the dashes in
 * front. What follows the name of ours belongs to the hint.
 */
export const foreignOptions: Readonly<Record<string, readonly string[]>> = {
  "--data": ["dataset", "dataset-name", "train-file", "train-data", "text-file", "file", "input", "input-file"],
  "--validation": ["validation-file", "val-data", "eval-file", "eval-data"],
  "--out": ["out-dir", "output-dir", "output", "save-dir", "outfile"],
  "--model": ["model-name-or-path", "model-name", "model-path", "model-id", "checkpoint", "ckpt"],
  "--preset": ["init-from", "model-type", "model-name-or-path", "model-name", "config-name"],
  "--tokenizer": ["tokenizer-name", "tokenizer-name-or-path", "encoding"],
  "--resume": ["resume-from-checkpoint"],
  "--layers": ["n-layer", "n-layers", "num-layers", "num-hidden-layers", "depth"],
  "--heads": ["n-head", "n-heads", "num-heads", "num-attention-heads"],
  "--dim": ["n-embd", "n-embed", "d-model", "hidden-size", "embed-dim", "embedding-dim", "embedding-size", "width"],
  "--context": [
    "block-size", "context-length", "context-size", "ctx-size", "n-ctx", "n-positions", "max-position-embeddings", "seq-len",
    "seq-length", "sequence-length", "max-seq-len", "max-seq-length",
  ],
  "--windows": ["window", "window-size", "sliding-window", "attention-window"],
  "--dropout": ["resid-pdrop", "attn-pdrop", "embd-pdrop", "attn-dropout"],
  "--initial-std": ["initializer-range", "init-std"],
  "--untied-head": ["no-tie-word-embeddings", "tie-word-embeddings"],
  "--steps": ["max-iters", "iters", "n-iters", "max-steps", "num-steps", "train-steps", "num-train-steps", "lr-decay-iters"],
  "--steps, of --batch sequences of --context tokens each": ["epochs", "num-epochs", "num-train-epochs"],
  "--batch": [
    "batch-size", "micro-batch-size", "per-device-train-batch-size", "per-device-eval-batch-size", "train-batch-size",
    "eval-batch-size",
  ],
  "--accumulate": ["gradient-accumulation-steps", "accumulation-steps", "grad-accum", "grad-accum-steps"],
  "--lr": ["learning-rate", "max-lr"],
  "--min-lr": ["min-learning-rate"],
  "--warmup": ["warmup-iters", "warmup-steps", "num-warmup-steps"],
  "--beta1": ["adam-beta1"],
  "--beta2": ["adam-beta2"],
  "--weight-decay": ["wd"],
  "--clip": ["grad-clip", "max-grad-norm", "gradient-clip", "gradient-clip-val", "clip-grad", "clip-grad-norm"],
  "--eval-every": ["eval-interval", "eval-steps", "eval-freq"],
  "--log-every": ["log-interval", "logging-steps", "log-freq"],
  "--checkpoint-every": ["save-steps", "save-interval", "save-every", "checkpoint-interval", "checkpoint-steps"],
  "--keep-checkpoints": ["save-total-limit"],
  "--seed": ["random-seed", "manual-seed"],
  "--backend": ["device"],
  "--threads": ["num-threads", "n-threads", "cpu-threads"],
  "--dtype": ["torch-dtype", "precision", "quantize", "quantization", "outtype"],
  "--dtype int8": ["load-in-8bit"],
  "--dtype int4": ["load-in-4bit"],
  "--cache-dtype": ["kv-dtype", "kv-cache-dtype", "cache-type-k", "cache-type-v"],
  "--prompt": ["start", "text", "input", "prefix"],
  "--prompt-ids": ["input-ids"],
  "--max-tokens": ["max-new-tokens", "max-length", "n-predict", "num-tokens", "n-tokens", "length"],
  "--temperature": ["temp"],
  "--temperature 0": ["greedy", "do-sample", "no-do-sample"],
  "--repetition-penalty": ["repeat-penalty"],
  "--stop": ["stop-strings", "stop-sequence", "stop-sequences", "reverse-prompt"],
};

const foreignCommands: Readonly<Record<string, readonly string[]>> = {
  generate: ["sample", "run", "complete", "write", "inference", "infer"],
  eval: ["evaluate", "perplexity", "test"],
  tokenize: ["encode", "decode", "prepare"],
  convert: ["convert-hf-to-gguf"],
  quantize: ["quant", "quantise", "llama-quantize"],
  info: ["show", "describe", "inspect"],
  bench: ["benchmark"],
  models: ["list", "ls", "cache", "delete-cache", "scan-cache"],
};

/** A name as ours are written: `n_layer` and `maxTokens` have dashes and small letters. */
export function kebab(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();
}

/** What a command calls an option that is given to it as another program calls it; undefined for an unknown one. */
export function ourOption(flag: string, options: readonly string[]): string | undefined {
  const name = kebab(flag.replace(/^-+/, "").replace(/=.*$/s, ""));
  if (options.includes(`--${name}`)) return `--${name}`;
  const known = Object.entries(foreignOptions).find(
    ([ours, names]) => names.includes(name) && options.includes(/^--[a-z\d-]+/.exec(ours)![0]),
  );
  return known?.[0];
}

/** What one of `commands` does, by the name that another program has for it. */
export function ourCommand(given: string, commands: readonly string[]): string | undefined {
  return commands.find((name) => foreignCommands[name]?.includes(kebab(given)));
}
