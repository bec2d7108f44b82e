import { cpu } from "@gpt/tensor/cpu";
import { webgpu } from "@gpt/tensor/webgpu";
import { learn } from "./program.js";

/** A few steps and some text, which are the same on a GPU and elsewhere. */
async function compare() {
  return [await learn(await cpu(), 2), await learn(await webgpu(), 2)];
}

compare().then((results) => {
  globalThis.result = results;
});
