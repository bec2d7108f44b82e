import { wasm } from "@gpt/tensor/wasm";

const onMain = await wasm({ threads: 2 }).catch((error) => error.message);
const worker = new Worker(new URL("./isolated-worker.js", import.meta.url), { type: "module" });
worker.onmessage = ({ data }) => {
  globalThis.result = { onMain, inWorker: data };
};
