/** Runs the conformance suite in a page, or in a Worker of it: takes a `Setup`, sets `globalThis.result` to a `Report`. */
import { conformanceReport } from "./report.ts";
import type { Report } from "./report.ts";
import type { Setup } from "./setup.ts";

const parameters = new URLSearchParams(location.search);
const setup = JSON.parse(parameters.get("setup") ?? "") as Setup;
const run = parameters.get("thread") === "worker" ? reportOfWorker : conformanceReport;
Object.assign(globalThis, { result: await run(setup) });

function reportOfWorker(setup: Setup): Promise<Report> {
  const worker = new Worker("in-worker.js", { type: "module" });
  worker.postMessage(setup);
  return new Promise((answer, fail) => {
    worker.addEventListener("message", ({ data }: MessageEvent<Report>) => answer(data));
    worker.addEventListener("error", ({ message }) => fail(new Error(`in the Worker: ${message}`)));
  });
}
