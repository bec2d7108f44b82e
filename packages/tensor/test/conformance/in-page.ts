/** Runs the conformance suite in a page, or in a Worker of it: sets `globalThis.ask`, which answers questions. */
import { answer } from "./answer.ts";
import type { Question } from "./answer.ts";

const inWorker = new URLSearchParams(location.search).get("thread") === "worker";
Object.assign(globalThis, { ask: inWorker ? askWorker() : answer });

function askWorker(): typeof answer {
  const worker = new Worker("in-worker.js", { type: "module" });
  return (question: Question) => {
    worker.postMessage(question);
    return new Promise((settle, fail) => {
      worker.onmessage = ({ data }: MessageEvent<unknown>) => settle(data);
      worker.onerror = ({ message }) => fail(new Error(`in the Worker: ${message}`));
    });
  };
}
