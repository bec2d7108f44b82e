/** Computes on two backends with three threads each, and ends without disposing of them. */
import { matmul, ones, useBackend } from "../../../index.ts";
import { wasm } from "../index.ts";

for (const backend of [await wasm({ threads: 3 }), await wasm({ threads: 3 })]) {
  useBackend(backend);
  const [first] = await matmul(ones([256, 300]), ones([300, 256])).data();
  console.log(first);
}
