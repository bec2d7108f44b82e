/**
 * Writes by a model that is larger than memory: `node larger-than-memory.ts FOLDER [TOKENS]`. Prints the ids, the time of each token,
 * and the largest memory that the process had, as JSON.
 */
import { streamTokens } from "@gpt/generate";
import { loadModel } from "@gpt/gpt/node";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";

const [folder, tokens = "16"] = process.argv.slice(2);
useBackend(await wasm());
const model = await loadModel(folder, { dtype: "bf16" });
const ids: number[] = [];
const times = [performance.now()];
for await (const event of streamTokens(model, [15_496, 11, 314], { maxTokens: Number(tokens), temperature: 0 })) {
  if (!("id" in event)) continue;
  ids.push(event.id);
  times.push(performance.now());
}
model.dispose();
const seconds = times.slice(1).map((time, i) => Math.round(time - times[i]) / 1000);
console.log(JSON.stringify({ ids, seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
