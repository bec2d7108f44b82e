import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folderWithText, small, text } from "../test/data.ts";
import { gpt as gptInProcess, records, startSession, temporaryFolder } from "../test/gpt.ts";

test("from a text to a model that writes, in the default folder", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  const trained = await gpt("train", "--data", "text.txt", ...small, "--steps", "4", "--json");
  expect(trained.stderr).not.toContain("error");
  expect(trained.status).toBe(0);
  const lines = records(trained);
  expect(lines[0]).toEqual({
    step: 2,
    loss: expect.any(Number) as number,
    lr: expect.any(Number) as number,
    gradientNorm: expect.any(Number) as number,
    tokensPerSecond: expect.any(Number) as number,
    secondsLeft: expect.any(Number) as number,
  });
  const evaluation = lines.find((line) => "valLoss" in line && !("done" in line));
  const last = lines.at(-1);
  expect(last).toMatchObject({ done: true, interrupted: false, step: 4, out: "runs/text" });
  expect(last?.valLoss).toBe(evaluation?.valLoss);

  const model = join("runs", "text");
  const generate = ["generate", "--model", model, "--prompt", "The ", "--max-tokens", "12", "--temperature", "0"];
  const [written] = records(await gpt(...generate, "--json"));
  expect(written).toMatchObject({ promptTokens: 4, finishReason: "length" });
  expect(written.tokens).toHaveLength(12);
  expect((await gpt(...generate)).stdout).toBe(`The ${String(written.text)}\n`);

  for (const dtype of ["f16", "int8", "int4"]) {
    const [stored] = records(await gpt(...generate, "--dtype", dtype, "--cache-dtype", dtype, "--json"));
    expect(stored.tokens, dtype).toHaveLength(12);
    if (dtype === "f16") expect(stored.tokens).toEqual(written.tokens);
  }

  const stopped = records(await gpt(...generate, "--top-k", "0", "--stop", "zz", "--stop", String(written.text), "--json"));
  expect(stopped[0]).toMatchObject({ text: "", tokens: written.tokens, finishReason: "stop" });

  const ids = ["generate", "--model", model, "--prompt-ids", "3,1,2", "--max-tokens", "5", "--seed", "9", "--json"];
  const [first, second] = [records(await gpt(...ids)), records(await gpt(...ids))];
  expect(first[0].tokens).toEqual(second[0].tokens);
  expect(first[0].text).toEqual(expect.any(String));

  const [measured] = records(await gpt("eval", "--model", model, "--data", "text.txt", "--json"));
  expect(measured.tokens).toBe(text.length - 1);
  expect(measured.perplexity).toBeCloseTo(Math.exp(measured.loss as number), 6);
  expect(measured.bytes).toBe(text.length);
  expect(measured.bitsPerByte).toBeCloseTo(((measured.loss as number) * (text.length - 1)) / text.length / Math.LN2, 6);
  const [overlapping] = records(await gpt("eval", "--model", model, "--data", "text.txt", "--stride", "8", "--json"));
  expect(overlapping.tokens).toBe(measured.tokens);
  expect(overlapping.loss).not.toBe(measured.loss);

  const packedEval = ["eval", "--model", model, "--data", "text.txt", "--dtype", "int4", "--json"];
  const [{ loss }] = records(await gpt(...packedEval));
  expect(loss).not.toBe(measured.loss);
  expect(loss).toBeCloseTo(measured.loss as number, 1);

  await writeFile(join(directory, "other.txt"), "The cat\nsat on Z.\n");
  const unknown = await gpt("eval", "--model", model, "--data", "text.txt", "other.txt");
  expect(unknown.stderr).toContain('other.txt, line 2, column 8: the tokenizer does not know the character "Z"');
  const refused = await gpt("generate", "--model", model, "--prompt", "Zoo");
  expect(refused).toMatchObject({ status: 1, stdout: "" });

  const [info] = records(await gpt("info", "--model", model, "--json"));
  expect(info.config).toMatchObject({ blocks: [{ attention: { heads: 2 } }], dim: 16, contextLength: 16 });
  expect(info.parameters).toBe(
    Object.values(info.parametersByPart as Record<string, number>).reduce((sum, part) => sum + part),
  );
});

test("plans a folder without its weights, whatever the machine has", async () => {
  const directory = await temporaryFolder();
  const gpt = startSession(directory);
  const sizes = { n_layer: 100, n_head: 100, n_embd: 20_000, n_positions: 1024, vocab_size: 50_257 };
  await writeModelFolder(join(directory, "huge"), { ...tinyConfig, ...sizes });
  const command = ["info", "--model", "huge", "--devices", "512", "--device-memory", "80 gb", "--batch", "2", "--context", "512"];
  const [{ parameters, training, machine, devices }] = records(await gpt(...command, "--json"));
  expect(parameters).toBeGreaterThan(480e9);
  expect(training).toMatchObject({ batch: 2, context: 512, f32: { optimizer: 8 * (parameters as number) } });
  expect(machine).toMatchObject({ run: { f32: { fits: "nothing" } }, train: { fits: "nothing" } });
  expect(devices).toMatchObject({ devices: 512, deviceBytes: 80e9, batch: 2, tensorSplits: [1, 2, 4] });
  const { stdout } = await gpt(...command);
  expect(stdout).toContain("\ndevices             512 of 80.0 GB\n  to train          fits in ");
  expect(stdout).toMatch(/\n {2}split +a device +shared +idle\n(?: {2}\d+ × \d+ × \d+ +(?:too much|[\d.]+ GB) +[\d.]+ GB +\d+\n)+\n/);
  const few = await gpt("info", "--model", "huge", "--device-memory", "80GB");
  expect(few.stdout).toMatch(/ {2}to train {10}does not fit: it needs at least \d+ devices of this memory, not 1;/);
});

test("refuses to begin where a run is, and to resume it as another model or with other settings", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  const run = ["train", "--data", "text.txt", ...small, "--steps", "2", "--out", "run"];
  expect((await gpt(...run)).status).toBe(0);
  const failures = {
    again: await gpt(...run),
    otherModel: await gpt("train", "--out", "run", "--resume", "--dim", "32"),
    otherSettings: await gpt("train", "--out", "run", "--resume", "--steps", "4"),
  };
  expect(failures.again.stderr).toContain("holds a training run or a model already");
  expect(failures.otherModel.stderr).toContain("dim was 16 and is 32");
  expect(failures.otherSettings.stderr).toContain("steps was 2 and is 4");
  expect(Object.values(failures).map(({ status }) => status)).toEqual([1, 1, 1]);
});

test("learns a vocabulary, and trains on token ids without any", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  const learnt = await gpt("tokenizer", "train", "--data", "text.txt", "--vocab-size", "280", "--out", "bpe", "--json");
  expect(records(learnt)).toEqual([{ done: true, vocabSize: 280, out: "bpe" }]);
  const sentence = "The owl sat 🦉 on mat 3.\n";
  const [encoded] = records(await gpt("tokenize", "--tokenizer", "bpe", sentence, "--json"));
  const tokens = encoded.tokens as number[];
  expect(encoded.count).toBe(tokens.length);
  const decoded = await gptInProcess(directory, ["tokenize", "--tokenizer", "bpe", "--decode", "--json"], { input: tokens.join(" ") });
  expect(records(decoded)).toEqual([{ text: sentence }]);

  const ids = Uint16Array.from({ length: 3000 }, (_, i) => (i * i) % 50);
  await writeFile(join(directory, "ids.bin"), ids);
  const trained = await gpt("train", "--data", "ids.bin", "--vocab-size", "50", ...small, "--steps", "2", "--json");
  expect(records(trained).at(-1)).toMatchObject({ done: true, out: "runs/ids" });
  // Ids of a vocabulary beyond 65,536 entries are 32 bits wide, which nobody has to say.
  await writeFile(join(directory, "wide.bin"), Uint32Array.from({ length: 2000 }, (_, i) => (i * 7919) % 100_277));
  const wide = ["train", "--data", "wide.bin", "--tokenizer", "cl100k_base", ...small, "--steps", "1"];
  expect((await gpt(...wide)).stderr).toContain("1,800 training tokens");
  const generated = await gpt("generate", "--model", "runs/ids", "--prompt-ids", "4,9", "--max-tokens", "3", "--json");
  expect(records(generated)[0]).toMatchObject({ text: null, promptTokens: 2 });
});

test("measures the machine, each benchmark by figures above zero and the machine's line", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  const figures = {
    "matmul --size 8": ["gflops", "milliseconds", "rounds"],
    "train --preset nano --layers 1 --dim 8 --vocab-size 9 --context 4 --batch 2 --dropout 0.1":
      ["msPerStep", "tokensPerSecond", "peakBytes"],
    "decode --preset nano --prompt 3 --tokens 3 --dtype int4": ["prefillTokensPerSecond", "decodeTokensPerSecond", "peakBytes"],
    "tokenize --data text.txt": ["mbPerSecond", "tokens"],
  };
  for (const [args, names] of Object.entries(figures)) {
    const command = ["bench", ...args.split(" "), "--seconds", "0"];
    const [found] = records(await gpt(...command, "--json"));
    for (const name of names) expect(found[name], `${args}: ${name}`).toBeGreaterThan(0);
    const { stdout } = await gpt(...command);
    expect(stdout).toContain(found.machine);
  }
});

test("counts the tokens of files and of texts", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  await writeFile(join(directory, "end.txt"), "Hello<|endoftext|>");
  const count = async (...args: string[]): Promise<string> => (await gpt("tokenize", "--tokenizer", "gpt2", "--count", ...args)).stdout;
  const [{ tokens }] = records(await gpt("tokenize", "--tokenizer", "gpt2", text, "--json"));
  const expected = (tokens as number[]).length;
  expect(await count("--data", "text.txt")).toBe(`${expected}\n`);
  expect(await count("--data", "text.txt", "end.txt")).toBe(`${expected + 8}\n`);
  expect(await count("--data", "text.txt", "end.txt", "--special-tokens", "--json")).toBe(`{"count":${expected + 2}}\n`);
  expect(await count("Hello, world")).toBe("3\n");
});

test("a model goes to other programs and back", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  await gpt("train", "--data", "text.txt", ...small, "--steps", "2", "--out", "model");
  const convert = async (...options: string[]): Promise<unknown> => records(await gpt("convert", "--model", "model", ...options, "--json"))[0];
  const sizeOf = async (name: string): Promise<number> => (await stat(join(directory, name))).size;

  expect(await convert("--to", "hf", "--out", "copy")).toMatchObject({ done: true, out: "copy", dtype: "f32" });
  const write = async (model: string): Promise<unknown> =>
    records(await gpt("generate", "--model", model, "--prompt", "The ", "--max-tokens", "8", "--seed", "3", "--json"))[0].tokens;
  expect(await write("copy")).toEqual(await write("model"));

  const cardOf = (folder: string): Promise<string> => readFile(join(directory, folder, "README.md"), "utf8");
  expect(await cardOf("model")).toMatch(/^---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- gpt2\n---\n\n# model\n[^]*It was trained on `text.txt` by `gpt train`: 2 steps of 2 windows; its loss/);
  expect(await cardOf("copy")).toMatch(/# model\n[^]*It was made from `model` by `gpt convert`\./);
  await writeFile(join(directory, "copy", "README.md"), "---\nlicense: apache-2.0\n---\nMine");
  const again = await gpt("convert", "--model", "copy", "--to", "hf", "--out", "copy");
  expect(again.stderr).toContain("copy/README.md is there already, and stays as it is");
  expect(await cardOf("copy")).toBe("---\nlicense: apache-2.0\n---\nMine");
  await gpt("convert", "--model", "copy", "--to", "hf", "--out", "licensed");
  expect(await cardOf("licensed")).toContain("\nlicense: apache-2.0\n---\n\n# copy\n");

  // A tokenizer of bytes, which llama.cpp has.
  await gpt("train", "--data", "text.txt", ...small, "--dim", "32", "--tokenizer", "bpe", "--vocab-size", "300", "--steps", "1", "--out", "bytes");
  const gguf = records(await gpt("convert", "--model", "bytes", "--to", "gguf", "--out", "bytes.gguf", "--json"))[0];
  expect(gguf).toEqual({ done: true, out: "bytes.gguf", dtype: "f32", bytes: await sizeOf("bytes.gguf") });
  expect(await write("bytes.gguf")).toEqual(await write("bytes"));
  const parametersOf = async (model: string): Promise<unknown> => records(await gpt("info", "--model", model, "--json"))[0].parameters;
  expect(await parametersOf("bytes.gguf")).toBe(await parametersOf("bytes"));
  await gpt("convert", "--model", "bytes.gguf", "--to", "hf", "--out", "back", "--json");
  expect(await write("back")).toEqual(await write("bytes"));
  const packed = records(await gpt("convert", "--model", "bytes", "--to", "gguf", "--out", "q8.gguf", "--dtype", "q8_0", "--json"))[0];
  expect(packed).toMatchObject({ dtype: "int8" });
  await gpt("convert", "--model", "q8.gguf", "--to", "gguf", "--out", "again.gguf", "--dtype", "q8_0", "--json");
  expect(await readFile(join(directory, "again.gguf"))).toEqual(await readFile(join(directory, "q8.gguf")));

  // The same file, by its own command, in a folder that becomes a model's.
  const [figures, done] = records(await gpt("quantize", "--model", "bytes", "--dtype", "int8", "--out", "few", "--json"));
  const file = join("few", "bytes-Q8_0.gguf");
  expect(done).toEqual({ done: true, out: file, bytes: await sizeOf(file), dtype: "int8" });
  expect(await readFile(join(directory, file))).toEqual(await readFile(join(directory, "q8.gguf")));
  expect(figures.relativeError).toBeGreaterThan(0.001);
  expect(figures.relativeError).toBeLessThan(0.01);
  expect(figures.originalBytes).toBeGreaterThan(3 * (done.bytes as number) - 40_000); // The tokenizer is in it.
  expect(await write("few")).toEqual(await write("q8.gguf"));
  const parts = records(await gpt("convert", "--model", "bytes", "--to", "gguf", "--out", "parts", "--split-max-size", "30kB", "--json"))[0];
  const names = (await readdir(join(directory, "parts"))).sort();
  expect(names.length).toBeGreaterThan(1);
  const sum = (await Promise.all(names.map((name) => sizeOf(join("parts", name))))).reduce((sum, size) => sum + size);
  expect(parts).toEqual({ done: true, out: join("parts", `bytes-F32-00001-of-0000${names.length}.gguf`), bytes: sum, dtype: "f32" });
  expect(await write("parts")).toEqual(await write("bytes"));
  const less = await gpt("quantize", "--model", "few", "--dtype", "q4_0", "--out", "few");
  expect(less.stdout).toMatch(/^[\d.]+ kB are in few\/bytes-Q4_0\.gguf: [\d.]+% of the model's [\d.]+ kB\.\nAs int4 \(q4_0\) the weights differ from the model's by [\d.]+%/);
  expect((await gpt("generate", "--model", "few", "--prompt", "The ")).stderr).toContain("few has 2 GGUF files; give the path of one, such as few/bytes-Q");
  expect(records(await gpt("eval", "--model", "bytes", "--data", "text.txt", "--dtype", "q8_0", "--json"))).toEqual(
    records(await gpt("eval", "--model", "bytes", "--data", "text.txt", "--dtype", "int8", "--json")));

  const onnx = await convert("--to", "onnx", "--out", "onnx");
  expect((await readdir(join(directory, "onnx"))).sort()).toEqual(["config.json", "onnx", "tokenizer.json", "tokenizer_config.json"]);
  const sizes = await Promise.all(["onnx/model.onnx", "config.json", "tokenizer.json", "tokenizer_config.json"].map((name) => sizeOf(`onnx/${name}`)));
  expect(onnx).toEqual({ done: true, out: "onnx", dtype: "f32", bytes: sizes.reduce((sum, size) => sum + size) });
  expect(await convert("--to", "onnx", "--out", "onnx", "--dtype", "q8_0")).toMatchObject({ dtype: "int8" });
  expect(await readdir(join(directory, "onnx", "onnx"))).toEqual(["model_quantized.onnx"]);
  expect(await sizeOf("onnx/onnx/model_quantized.onnx")).toBeLessThan(sizes[0]);
});

test("special tokens are plain text unless they are asked for", async () => {
  const gpt = startSession(await temporaryFolder());
  const tokenize = async (...options: string[]): Promise<unknown> => {
    const result = await gpt("tokenize", "--tokenizer", "gpt2", "<|endoftext|>", "--json", ...options);
    return records(result)[0].tokens;
  };
  expect(await tokenize()).toEqual([27, 91, 437, 1659, 5239, 91, 29]);
  expect(await tokenize("--special-tokens")).toEqual([50256]);
});

test("every command explains itself with an example", async () => {
  const gpt = startSession(await temporaryFolder());
  const commands = [
    ["train"], ["generate"], ["eval"], ["info"], ["convert"], ["quantize"], ["export"], ["playground"], ["tokenize"], ["tokenizer", "train"], ["demo"],
    ...["matmul", "train", "decode", "tokenize"].map((name) => ["bench", name]),
  ];
  for (const command of commands) {
    const { status, stdout } = await gpt(...command, "--help");
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n {2}gpt ${command.join(" ")} `));
  }
});

/** What is given wrong, the exit status, and what the one line says. */
const mistakes: readonly (readonly [args: string, status: number, message: string])[] = [
  ["", 2, "Usage: gpt"],
  ["bogus", 2, "unknown command 'bogus'"],
  ["train", 2, "say what to train on: --data FILE"],
  ["train --data missing.txt", 1, "there is no file missing.txt; check the path"],
  ["train --data empty.txt", 1, "there is no text in empty.txt"],
  ["train --data short.txt", 1, "too few for one window of 64"],
  ["train --data latin1.txt", 1, "latin1.txt: the byte 0xe9 at offset 3 is not valid UTF-8"],
  ["train --data piped --out x", 1, "the folder piped has no file that ends in .txt, .bin; name others by a pattern"],
  ["train --data text.txt --heads 3", 2, "3 heads do not divide dim 128"],
  ["train --data text.txt --preset gpt5", 2, 'there is no preset "gpt5"'],
  ["train --data text.txt --backend cuda", 2, "Allowed choices are wasm, native, webgpu, cpu, auto"],
  ["train --data text.txt --backend cpu --threads 2", 2, "the backend cpu has one thread"],
  ["train --data text.txt --backend webgpu --threads 2", 2, "the backend webgpu computes on a GPU: leave --threads out"],
  ["bench matmul --backend cpu --profile", 2, "--profile takes the time of kernels on a GPU"],
  ["train --data text.txt --threads 0", 2, "Expected a whole number from 1."],
  ["train --data text.txt --steps 0", 2, "Expected a whole number from 1."],
  ["train --data text.txt --lr fast", 2, "Expected a number from 0."],
  ["train --data text.txt --windows dense,0", 2, "Expected numbers of tokens, or \"dense\", with commas between them: dense,256"],
  ["train --data text.txt --tokenizer nowhere", 1, 'there is no tokenizer "nowhere"'],
  ["train --data ids.bin", 2, "give --vocab-size"],
  ["train --data ids.bin --vocab-size 2", 1, "the model's vocabulary has 2 entries"],
  ["train --out nowhere --resume", 1, "nowhere holds no run to resume"],
  ["train --data text.txt --out text.txt", 1, "text.txt"],
  ["generate --model nowhere --prompt x", 1, "there is no file or folder nowhere; give the path"],
  ["generate --model . --prompt x", 1, ". is no model folder"],
  ["generate --model hostile --prompt x", 1, "hostile/model.safetensors"],
  ["generate --model x --prompt x --dtype int5", 2, "Allowed choices are f32, f16, bf16, int8, q8_0, int4, q4_0, mxfp4"],
  ["generate --model x --prompt x --prompt-ids 1", 2, "option '--prompt-ids <ids>' cannot be used with option '--prompt <text>'"],
  ["generate --model x --num-samples 0", 2, "Expected a whole number from 1."],
  ["generate --model x --prompt-ids 1,a", 2, '"a" is no token id'],
  ["train --data text.txt --preset gpt3-175b", 1, "this takes at least 4.65 TB of memory (173,986,713,600 parameters"],
  ["train --data text.txt --dim 10000000", 2, "beyond what any machine holds"],
  ["train --data text.txt --batch 4503599627370496", 1, "activations of 4,503,599,627,370,496 × 64 tokens"],
  ["train --data text.txt --context 1e15", 2, "contextLength must be a whole number from 1 to 2147483647, not 1000000000000000"],
  ["bench train --preset gpt3-175b --backend cpu", 1, "this takes at least 4.66 TB of memory"],
  ["bench decode --preset gpt2-xl", 1, "this takes at least 6.88 GB of memory"],
  ["bench matmul --size 1e6", 1, "three matrices 12.0 TB"],
  ["generate --model huge --prompt x", 1, "this takes at least"],
  ["convert --model x --out y", 2, "required option '--to <kind>' not specified"],
  ["convert --model x --to pickle --out y", 2, "Allowed choices are hf, onnx, gguf"],
  ["convert --model x --to hf --out y --dtype int8", 2, "--to hf stores matrices as f32 or f16 or bf16, not int8 (q8_0)"],
  ["quantize --model x --out y", 2, "required option '--dtype <name>' not specified"],
  ["quantize --model x --dtype f16 --out y", 2, "Allowed choices are int8, q8_0, int4, q4_0"],
  ["export --model x --out y", 2, "required option '--html' not specified"],
  ["export --html --model x --out y --dtype f16", 2, "Allowed choices are int8, q8_0, int4, q4_0"],
  ["playground --port 70000", 2, "Expected a whole number from 1, at most 65535."],
  ["playground", 1, "this build of the command has no playground; in a clone run `npm run playground`"],
  ["convert --model x --to hf --out y --split-max-size 2G", 2, "--split-max-size is for --to gguf, not hf"],
  ["quantize --model x --dtype q8_0 --out y --split-max-size 2", 2, "Expected a size with its unit, such as 80GB or 24GiB."],
  ["quantise --model x", 2, "unknown command 'quantise'"],
  ["convert --model x --to onnx --out y --dtype int3", 2, "Allowed choices are f32, f16, bf16, int8, q8_0, int4, q4_0, mxfp4"],
  ["convert --model huge --to onnx --out y", 1, "huge has no weights: neither model.safetensors nor model.safetensors.index.json"],
  ["eval --model huge --data text.txt --dtype int4 --no-stream", 1, "use a smaller model"],
  ["train --data text.txt --out ''", 2, "option '--out <dir>' argument '' is invalid. Expected the path of a file or folder."],
  ["train --data text.txt --out /proc/x", 1, "/proc/x"],
  ["train --data text.txt --lr 0x10", 2, "'--lr <rate>' argument '0x10' is invalid. Expected a number from 0."],
  ["train --data text.txt --steps 0x10", 2, "'--steps <n>' argument '0x10' is invalid. Expected a whole number from 1."],
  ["train --data text.txt --lr 1e999", 2, "this one is beyond the largest, 1.7976931348623157e+308"],
  ["train --data text.txt --steps 1e30", 2, "Expected a whole number from 1, at most 9007199254740991."],
  ["train --data text.txt --dims 3", 2, "unknown option '--dims' (Did you mean --dim?)"],
  ["train --data text.txt --block_size=64", 2, "unknown option '--block_size=64': here it is --context\n(`--help`"],
  ["train --data text.txt --num_train_epochs 3", 2, "here it is --steps, of --batch sequences of --context tokens each"],
  ["train --data text.txt --weight_decay 0", 2, "unknown option '--weight_decay': here it is --weight-decay"],
  ["train text.txt --steps 3", 2, "unexpected 'text.txt': say what it is by --data or --preset"],
  ["info gpt2", 2, "unexpected 'gpt2': say what it is by --preset or --model"],
  ["demo 7", 2, "too many arguments for 'demo'"],
  ["generate --model x --max-new-tokens 5", 2, "unknown option '--max-new-tokens': here it is --max-tokens"],
  ["eval --model x --data y --task lm --stride 5", 2, "--stride is for texts that are measured as a whole"],
  ["eval --model x --data y --batchSize 5", 2, "unknown option '--batchSize': here it is --batch"],
  ["sample --model x", 2, "unknown command 'sample': here it is generate"],
  ["train --out damaged --resume", 1, "damaged/run.json is damaged"],
  ["train --out foreign --resume", 1, "foreign/run.json has \"speed\", which this version does not know"],
  ["train --out mistyped --resume", 1, "mistyped/run.json: steps cannot be \"10\": expected a number, without quotes; correct it"],
  ["train --out piped --resume", 1, "piped/run.json is not a file but a folder"],
  ["generate --model hostile-name --prompt x", 1, "model_type \"\\u001b[31mgpt\\n\\u009b\\u202e"],
  ["demo --out hostile", 1, "hostile exists already"],
  ["eval --model gpt2 --data text.txt", 1, "there is no file or folder gpt2; give the path of a model's folder, or OWNER/NAME on the Hugging Face hub, such as openai-community/gpt2"],
  ["eval --model runs/none --data text.txt", 1, "there is no file or folder runs/none, and the cache"],
  ["train --data text.txt --tokenizer owner/none", 1, "there is no file or folder owner/none, and the cache"],
  ["models rm owner/none", 1, "has no model owner/none; see the list of those that it has"],
  ["eval --model text.txt --data text.txt", 1, "text.txt is a file, and not GGUF; give the path of a model's folder, or of a GGUF file"],
  ["info --model piped", 1, "piped is no model folder: it has no config.json, and no complete checkpoints/step-N; check the path"],
  ["bench decode --prompt 2000", 2, "2000 + 64 tokens exceed the model's context of 1024"],
  ["bench matmul --size 0", 2, "Expected a whole number from 1."],
  ["info", 2, "give either --preset or --model"],
  ["info --preset gpt5", 2, 'there is no preset "gpt5"'],
  ["info --preset gpt2 --devices 8", 2, "--devices needs the memory of each: add --device-memory, such as 80GB"],
  ["info --preset gpt2 --devices 0 --device-memory 80GB", 2, "'0' is invalid. Expected a whole number from 1."],
  ["info --preset gpt2 --devices 1e99 --device-memory 80GB", 2, "Expected a whole number from 1, at most 1048576."],
  ["info --preset gpt2 --device-memory 80", 2, "'80' is invalid. Expected a size with its unit, such as 80GB or 24GiB."],
  ["info --preset gpt2 --device-memory -1GB", 2, "'-1GB' is invalid. Expected a size with its unit"],
  ["info --preset gpt2 --context 1025", 2, "--context 1025 exceeds the model's context of 1024"],
  ["tokenize --tokenizer hostile x", 1, "hostile: tokenizer.json is not valid JSON"],
  ["tokenize --tokenizer gpt2 --data text.txt", 2, "files are counted alone: add --count"],
  ["tokenize --tokenizer gpt2 --count --data text.txt -- x", 2, "give either a text or --data"],
  ["tokenize --tokenizer gpt2 --count --decode 1", 2, "'--decode' cannot be used with option '--count'"],
  ["tokenize --tokenizer gpt2 --data latin1.txt --count", 1, "latin1.txt: the byte 0xe9 at offset 3 is not valid UTF-8"],
  ["tokenize --tokenizer gpt2 --decode 1,a", 2, '"a" is no token id'],
  ["tokenizer train --data text.txt --out x --vocab-size 10", 2, "Expected a whole number from 257."],
];

test("every mistake is answered by its status and one clear line", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  const files = {
    "empty.txt": "",
    "short.txt": "A few words.",
    "latin1.txt": Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x0a),
    "ids.bin": Uint16Array.from({ length: 500 }, (_, i) => i % 9),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  await writeHostileModel(join(directory, "hostile"));
  await writeModelFolder(join(directory, "huge"), { ...tinyConfig, n_layer: 100, n_embd: 20_000 });
  await writeModelFolder(join(directory, "hostile-name"), { ...tinyConfig, model_type: `\u001b[31mgpt\n\u009b\u202e${"x".repeat(9e5)}` });
  const runFiles = {
    damaged: '{"steps": ',
    foreign: '{"data": ["text.txt"], "speed": 10}',
    mistyped: '{"data": ["text.txt"], "steps": "10"}',
  };
  for (const [name, content] of Object.entries(runFiles)) {
    await mkdir(join(directory, name));
    await writeFile(join(directory, name, "run.json"), content);
  }
  await mkdir(join(directory, "piped", "run.json"), { recursive: true });
  for (const [args, status, message] of mistakes) {
    const result = await gpt(...splitWords(args));
    expect.soft({ args, status: result.status, stderr: result.stderr }).toEqual({
      args,
      status,
      stderr: expect.stringContaining(message) as string,
    });
    expect.soft(result.stderr).not.toMatch(/\n\s+at /);
    // Not a control character, however hostile the file; and a line that can be read.
    expect.soft(result.stderr).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
    for (const line of result.stderr.split("\n")) expect.soft(line.length).toBeLessThan(1000);
    const prose = result.stderr.split("\n").filter((line) => line.startsWith("error:"));
    if (args !== "") expect.soft(prose).toHaveLength(1);
  }
});

/** The words of a command line; '' is an empty one. */
function splitWords(line: string): string[] {
  return line.split(" ").filter((word) => word !== "").map((word) => (word === "''" ? "" : word));
}

const tinyConfig = { model_type: "gpt2", n_layer: 1, n_head: 1, n_embd: 4, n_positions: 4, vocab_size: 4 };

async function writeModelFolder(directory: string, config: object): Promise<void> {
  await mkdir(directory);
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
}

/** A folder whose weights are cut off and whose tokenizer is no tokenizer. */
async function writeHostileModel(directory: string): Promise<void> {
  await writeModelFolder(directory, tinyConfig);
  await writeFile(join(directory, "model.safetensors"), Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x7b));
  await writeFile(join(directory, "tokenizer.json"), '{"model": {"type": "BPE", "vocab": ');
}
