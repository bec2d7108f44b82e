/** Sets `globalThis.result` to what a Worker of this page saw. */
const worker = new Worker("in-worker.js", { type: "module" });
const seen = await new Promise((answer, fail) => {
  worker.addEventListener("message", ({ data }) => answer(data));
  worker.addEventListener("error", ({ message }) => fail(new Error(`in the Worker: ${message}`)));
});
Object.assign(globalThis, { result: seen });
