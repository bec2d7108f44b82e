/** Makes scenarios in a page and in a Worker of it, at once: sets `globalThis.result` to what both saw. */
import { runScenario } from "./run.ts";
import type { Scenario, Seen } from "./run.ts";

const names = JSON.parse(new URLSearchParams(location.search).get("names") ?? "") as Scenario[];
const [page, worker] = await Promise.all([runScenario(names), seenByWorker(names)]);
Object.assign(globalThis, { result: { page, worker } });

function seenByWorker(names: readonly Scenario[]): Promise<Seen> {
  const worker = new Worker("in-worker.js", { type: "module" });
  worker.postMessage(names);
  return new Promise((answer, fail) => {
    worker.addEventListener("message", ({ data }: MessageEvent<Seen>) => answer(data));
    worker.addEventListener("error", ({ message }) => fail(new Error(`in the Worker: ${message}`)));
  });
}
