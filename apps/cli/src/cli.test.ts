import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gpt, records, temporaryFolder } from "./testing/gpt.ts";

const text = Array.from({ length: 400 }, (_, i) => `The ${["cat", "dog", "owl"][i % 3]} sat on mat ${i % 7}.\n`).join("");
const small = ["--layers", "1", "--heads", "2", "--dim", "16", "--context", "16", "--batch", "2", "--log-every", "2"];

/** A folder with a text to train on. */
async function folderWithText(): Promise<string> {
  const directory = await temporaryFolder();
  await writeFile(join(directory, "text.txt"), text);
  return directory;
}

describe("train, generate, eval, info", () => {
  test("from a text to a model that writes, in the default folder", async () => {
    const directory = await folderWithText();
    const trained = await gpt(directory, ["train", "--data", "text.txt", ...small, "--steps", "4", "--json"]);
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
    const [written] = records(await gpt(directory, [...generate, "--json"]));
    expect(written).toMatchObject({ promptTokens: 4, finishReason: "length" });
    expect(written.tokens).toHaveLength(12);
    expect((await gpt(directory, generate)).stdout).toBe(`The ${String(written.text)}\n`);

    for (const dtype of ["f16", "int8", "int4"]) {
      const [stored] = records(await gpt(directory, [...generate, "--dtype", dtype, "--cache-dtype", dtype, "--json"]));
      expect(stored.tokens, dtype).toHaveLength(12);
      if (dtype === "f16") expect(stored.tokens).toEqual(written.tokens);
    }

    const ids = ["generate", "--model", model, "--prompt-ids", "3,1,2", "--max-tokens", "5", "--seed", "9", "--json"];
    const [first, second] = [records(await gpt(directory, ids)), records(await gpt(directory, ids))];
    expect(first[0].tokens).toEqual(second[0].tokens);
    expect(first[0].text).toEqual(expect.any(String));

    const [measured] = records(await gpt(directory, ["eval", "--model", model, "--data", "text.txt", "--json"]));
    expect(measured.tokens).toBe(text.length - 1);
    expect(measured.perplexity).toBeCloseTo(Math.exp(measured.loss as number), 6);

    const storedEval = ["eval", "--model", model, "--data", "text.txt", "--dtype", "int4", "--json"];
    const [{ loss }] = records(await gpt(directory, storedEval));
    expect(loss).not.toBe(measured.loss);
    expect(loss).toBeCloseTo(measured.loss as number, 1);

    await writeFile(join(directory, "other.txt"), "The cat\nsat on Z.\n");
    const unknown = await gpt(directory, ["eval", "--model", model, "--data", "text.txt", "other.txt"]);
    expect(unknown.stderr).toContain('other.txt, line 2, column 8: the tokenizer does not know the character "Z"');
    const refused = await gpt(directory, ["generate", "--model", model, "--prompt", "Zoo"]);
    expect(refused).toMatchObject({ status: 1, stdout: "" });

    const [info] = records(await gpt(directory, ["info", "--model", model, "--json"]));
    expect(info.config).toMatchObject({ layers: 1, heads: 2, dim: 16, contextLength: 16 });
    expect(info.parameters).toBe(
      Object.values(info.parametersByPart as Record<string, number>).reduce((sum, part) => sum + part),
    );
  });

  test("Ctrl-C saves; resuming gives the weights of an uninterrupted run, byte for byte", async () => {
    const directory = await folderWithText();
    const run = ["train", "--data", "text.txt", ...small, "--steps", "300", "--dropout", "0.1", "--backend", "cpu"];
    expect((await gpt(directory, [...run, "--out", "whole"])).status).toBe(0);

    let killed = false;
    const interrupted = await gpt(directory, [...run, "--out", "parts"], {
      onProgress: (stderr, kill) => {
        if (!killed && stderr.includes("step 20 of")) killed = kill("SIGINT");
      },
    });
    expect(interrupted.status).toBe(130);
    expect(interrupted.stderr).toContain("Go on with: gpt train --out parts --resume");
    const resumed = await gpt(directory, ["train", "--out", "parts", "--resume"]);
    expect(resumed.stderr).toMatch(/Resuming parts from step \d+/);
    expect(resumed.status).toBe(0);
    const weights = (folder: string): Promise<Buffer> => readFile(join(directory, folder, "model.safetensors"));
    expect((await weights("parts")).equals(await weights("whole"))).toBe(true);
  });

  test("a reader that goes away and a closed terminal end training as Ctrl-C does", async () => {
    const directory = await folderWithText();
    const run = ["train", "--data", "text.txt", ...small, "--log-every", "1", "--steps", "20000"];
    const read = await gpt(directory, [...run, "--json", "--out", "a"], { readsOnce: true });
    let killed = false;
    const closed = await gpt(directory, [...run, "--out", "b"], {
      onProgress: (stderr, kill) => {
        if (!killed && stderr.includes("step 3 of")) killed = kill("SIGHUP");
      },
    });
    expect([read, closed].map(({ status }) => status)).toEqual([130, 130]);
    expect(read.stderr).toContain("Go on with: gpt train --out a --resume");
    expect(closed.stderr).toContain("Go on with: gpt train --out b --resume");
  });

  test("an evaluation that is interrupted says no more than that", async () => {
    const directory = await folderWithText();
    await writeFile(join(directory, "long.txt"), text.repeat(200));
    expect((await gpt(directory, ["train", "--data", "text.txt", ...small, "--steps", "1", "--out", "m"])).status).toBe(0);
    const interrupted = await gpt(directory, ["eval", "--model", "m", "--data", "long.txt"], {
      onProgress: (stderr, kill) => stderr.endsWith("Measuring; Ctrl-C stops.\n") && kill("SIGINT"),
    });
    expect(interrupted).toMatchObject({ status: 130, stdout: "" });
    expect(interrupted.stderr).toMatch(/Ctrl-C stops\.\nStopping\.\n$/);
  });

  test("gives the same weights on any number of threads, byte for byte", async () => {
    const directory = await folderWithText();
    const size = ["--layers", "1", "--heads", "2", "--dim", "64", "--context", "64", "--batch", "8", "--dropout", "0.1"];
    const run = ["train", "--data", "text.txt", ...size, "--steps", "5"];
    const weights = async (threads: number): Promise<Buffer> => {
      const out = `threads-${threads}`;
      expect((await gpt(directory, [...run, "--threads", `${threads}`, "--out", out])).status).toBe(0);
      return readFile(join(directory, out, "model.safetensors"));
    };
    expect((await weights(3)).equals(await weights(1))).toBe(true);
  });

  test("refuses to begin where a run is, and to resume it as another model or with other settings", async () => {
    const directory = await folderWithText();
    const run = ["train", "--data", "text.txt", ...small, "--steps", "2", "--out", "run"];
    expect((await gpt(directory, run)).status).toBe(0);
    const failures = {
      again: await gpt(directory, run),
      otherModel: await gpt(directory, ["train", "--out", "run", "--resume", "--dim", "32"]),
      otherSettings: await gpt(directory, ["train", "--out", "run", "--resume", "--steps", "4"]),
    };
    expect(failures.again.stderr).toContain("holds a training run or a model already");
    expect(failures.otherModel.stderr).toContain("dim was 16 and is 32");
    expect(failures.otherSettings.stderr).toContain("steps was 2 and is 4");
    expect(Object.values(failures).map(({ status }) => status)).toEqual([1, 2, 1]);
  });

  test("learns a vocabulary, and trains on token ids without any", async () => {
    const directory = await folderWithText();
    const learnt = await gpt(directory, ["tokenizer", "train", "--data", "text.txt", "--vocab-size", "280", "--out", "bpe", "--json"]);
    expect(records(learnt)).toEqual([{ done: true, vocabSize: 280, out: "bpe" }]);
    const sentence = "The owl sat 🦉 on mat 3.\n";
    const [encoded] = records(await gpt(directory, ["tokenize", "--tokenizer", "bpe", sentence, "--json"]));
    const tokens = encoded.tokens as number[];
    expect(encoded.count).toBe(tokens.length);
    const decoded = await gpt(directory, ["tokenize", "--tokenizer", "bpe", "--decode", "--json"], { input: tokens.join(" ") });
    expect(records(decoded)).toEqual([{ text: sentence }]);

    const ids = Uint16Array.from({ length: 3000 }, (_, i) => (i * i) % 50);
    await writeFile(join(directory, "ids.bin"), ids);
    const trained = await gpt(directory, ["train", "--data", "ids.bin", "--vocab-size", "50", ...small, "--steps", "2", "--json"]);
    expect(records(trained).at(-1)).toMatchObject({ done: true, out: "runs/ids" });
    // Ids of a vocabulary beyond 65,536 entries are 32 bits wide, which nobody has to say.
    await writeFile(join(directory, "wide.bin"), Uint32Array.from({ length: 2000 }, (_, i) => (i * 7919) % 100_277));
    const wide = ["train", "--data", "wide.bin", "--tokenizer", "cl100k_base", ...small, "--steps", "1"];
    expect((await gpt(directory, wide)).stderr).toContain("1,800 tokens to learn from");
    const generated = await gpt(directory, ["generate", "--model", "runs/ids", "--prompt-ids", "4,9", "--max-tokens", "3", "--json"]);
    expect(records(generated)[0]).toMatchObject({ text: null, promptTokens: 2 });
  });
});

test("measures the machine, each benchmark by figures above zero and the machine's line", async () => {
  const directory = await folderWithText();
  const figures = {
    "matmul --size 8": ["gflops", "milliseconds", "rounds"],
    "train --preset nano --layers 1 --dim 8 --vocab-size 9 --context 4 --batch 2 --dropout 0.1":
      ["msPerStep", "tokensPerSecond", "peakBytes"],
    "decode --preset nano --prompt 3 --tokens 3 --dtype int4": ["prefillTokensPerSecond", "decodeTokensPerSecond", "peakBytes"],
    "tokenize --data text.txt": ["mbPerSecond", "tokens"],
  };
  for (const [args, names] of Object.entries(figures)) {
    const command = ["bench", ...args.split(" "), "--seconds", "0"];
    const [found] = records(await gpt(directory, [...command, "--json"]));
    for (const name of names) expect(found[name], `${args}: ${name}`).toBeGreaterThan(0);
    const { stdout } = await gpt(directory, command);
    expect(stdout).toContain(found.machine);
  }
});

test("special tokens are plain text unless they are asked for", async () => {
  const directory = await temporaryFolder();
  const tokenize = async (...options: string[]): Promise<unknown> => {
    const result = await gpt(directory, ["tokenize", "--tokenizer", "gpt2", "<|endoftext|>", "--json", ...options]);
    return records(result)[0].tokens;
  };
  expect(await tokenize()).toEqual([27, 91, 437, 1659, 5239, 91, 29]);
  expect(await tokenize("--special-tokens")).toEqual([50256]);
});

test("every command explains itself with an example", async () => {
  const directory = await temporaryFolder();
  const commands = [
    ["train"], ["generate"], ["eval"], ["info"], ["tokenize"], ["tokenizer", "train"], ["demo"],
    ...["matmul", "train", "decode", "tokenize"].map((name) => ["bench", name]),
  ];
  const helps = await Promise.all(commands.map((command) => gpt(directory, [...command, "--help"])));
  helps.forEach(({ status, stdout }, index) => {
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n {2}gpt ${commands[index].join(" ")} `));
  });
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
  ["train --data . --out x", 1, ". is not a file but a folder; give the path of a file"],
  ["train --data text.txt --heads 3", 2, "3 heads do not divide dim 128"],
  ["train --data text.txt --preset gpt5", 2, 'there is no preset "gpt5"'],
  ["train --data text.txt --backend cuda", 2, "Allowed choices are wasm, webgpu, cpu"],
  ["train --data text.txt --backend cpu --threads 2", 2, "the backend cpu has one thread"],
  ["train --data text.txt --backend webgpu --threads 2", 2, "the backend webgpu computes on a GPU: leave --threads out"],
  ["bench matmul --backend cpu --profile", 2, "--profile takes the time of kernels on a GPU"],
  ["train --data text.txt --threads 0", 2, "Expected a whole number from 1."],
  ["train --data text.txt --steps 0", 2, "Expected a whole number from 1."],
  ["train --data text.txt --lr fast", 2, "Expected a number from 0."],
  ["train --data text.txt --tokenizer nowhere", 2, 'there is no tokenizer "nowhere"'],
  ["train --data ids.bin", 2, "give --vocab-size"],
  ["train --data ids.bin --vocab-size 2", 1, "the model's vocabulary has 2 entries"],
  ["train --out nowhere --resume", 2, "nowhere holds no run to resume"],
  ["train --data text.txt --out text.txt", 1, "text.txt"],
  ["generate --model nowhere --prompt x", 1, "nowhere is no folder; check the path"],
  ["generate --model . --prompt x", 1, ". is no model folder"],
  ["generate --model hostile --prompt x", 1, "hostile/model.safetensors"],
  ["generate --model x --prompt x --dtype int5", 2, "Allowed choices are f32, f16, bf16, int8, int4"],
  ["generate --model x", 2, "give either --prompt or --prompt-ids"],
  ["generate --model x --prompt-ids 1,a", 2, '"a" is no token id'],
  ["train --data text.txt --dim 65536 --out large", 1, "there is no room for a buffer"],
  ["demo --out hostile", 2, "hostile exists already"],
  ["eval --model nowhere --data text.txt", 1, "nowhere is no folder"],
  ["bench decode --prompt 2000", 2, "2000 + 64 tokens exceed the model's context of 1024"],
  ["bench matmul --size 0", 2, "Expected a whole number from 1."],
  ["info", 2, "give either --preset or --model"],
  ["info --preset gpt5", 2, 'there is no preset "gpt5"'],
  ["tokenize --tokenizer hostile x", 1, "hostile: tokenizer.json is not valid JSON"],
  ["tokenize --tokenizer gpt2 --decode 1,a", 2, '"a" is no token id'],
  ["tokenizer train --data text.txt --out x --vocab-size 10", 2, "Expected a whole number from 257."],
];

test("every mistake is answered by its status and one clear line", { timeout: 120_000 }, async () => {
  const directory = await folderWithText();
  const files = {
    "empty.txt": "",
    "short.txt": "A few words.",
    "latin1.txt": Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x0a),
    "ids.bin": Uint16Array.from({ length: 500 }, (_, i) => i % 9),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  await writeHostileModel(join(directory, "hostile"));
  for (const [args, status, message] of mistakes) {
    const result = await gpt(directory, args === "" ? [] : args.split(" "));
    expect.soft({ args, status: result.status, stderr: result.stderr }).toEqual({
      args,
      status,
      stderr: expect.stringContaining(message) as string,
    });
    expect.soft(result.stderr).not.toMatch(/\n\s+at /);
    const prose = result.stderr.split("\n").filter((line) => line.startsWith("error:"));
    if (args !== "") expect.soft(prose).toHaveLength(1);
  }
});

/** A folder whose weights are cut off and whose tokenizer is no tokenizer. */
async function writeHostileModel(directory: string): Promise<void> {
  await mkdir(directory);
  const config = { model_type: "gpt2", n_layer: 1, n_head: 1, n_embd: 4, n_positions: 4, vocab_size: 4 };
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
  await writeFile(join(directory, "model.safetensors"), Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x7b));
  await writeFile(join(directory, "tokenizer.json"), '{"model": {"type": "BPE", "vocab": ');
}
