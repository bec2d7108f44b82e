/**
 * Saves over what is in the folder that the second argument names, again and again: another model each time, or
 * another tokenizer, learnt from a text. Prints the number of each save. The last one is the same however it began.
 */
import { saveModel } from "@gpt/gpt/node";
import { startDefaultBackend } from "@gpt/tensor";
import { trainBPE } from "@gpt/tokenizer";
import { saveTokenizer } from "@gpt/tokenizer/node";
import { tinyModel } from "./fixtures.ts";

const [, , kind, directory] = process.argv;
const saves = 6;
const text = "She sells sea shells by the sea shore; the shells that she sells are sea shells. ";

if (kind === "model") await startDefaultBackend();
for (let save = 1; save <= saves; save++) {
  if (kind === "model") {
    // Of other sizes, so that no file fits another's.
    await saveModel(tinyModel({ dim: 16 * save, tiedHead: save % 2 === 0 }, save), directory, { maxShardBytes: 20_000 });
  } else {
    const tokenizer = await trainBPE([text.repeat(20)], { vocabSize: 257 + save, specialTokens: ["<|endoftext|>"] });
    await saveTokenizer(tokenizer, directory);
  }
  process.stdout.write(`${save}\n`);
}
process.stdout.write("done\n");
