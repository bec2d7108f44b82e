import { serve } from "../harness/serve.ts";
import type { Turn } from "../harness/alternate.ts";
import type { Work } from "../models/work.ts";
import { open } from "../page/ours.ts";
import { turnOf } from "../page/contender.ts";
import type { PreparedWork } from "../page/contender.ts";
import { probesOf } from "./product.ts";
import type { ProductResult } from "./product.ts";

interface Setup {
  readonly work: Work;
  /** Of one turn. */
  readonly milliseconds: number;
}

/** One work on WebGPU in Node, as the page does it in Chromium. */
await serve<Setup, object>(async ({ work, milliseconds }) => {
  const library = await open();
  const prepared: PreparedWork = await library.prepare(work);
  const turn: Turn = turnOf(prepared, work, milliseconds);
  return {
    version: library.version ?? "",
    async run(): Promise<ProductResult> {
      const times = await turn();
      return { times, probes: probesOf(await prepared.result()) };
    },
  };
});
