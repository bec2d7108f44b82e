import { alternate } from "../harness/alternate.ts";
import type { Turn } from "../harness/alternate.ts";
import type { Work } from "../models/work.ts";
import { turnOf } from "./contender.ts";
import type { OpenContender, PreparedWork } from "./contender.ts";

/** What a page is asked for, in its address. */
export interface PageTask {
  readonly work: Work;
  /** Names of modules that lie beside this one, each of them a contender. */
  readonly contenders: readonly string[];
  readonly rounds: number;
  /** Of one turn. */
  readonly milliseconds: number;
  /** Whether the work is too much for an adapter that computes on the processor, which is refused then. */
  readonly needsGPU?: boolean;
}

export interface PageResult {
  /** Name and version. */
  readonly browser: string;
  /** What the first contender says of itself. */
  readonly adapter: string;
  /** Milliseconds of single calls, by contender. */
  readonly times: Readonly<Record<string, readonly number[]>>;
  /** Why contenders do not take part. */
  readonly missing: readonly string[];
}

/** How far a contender may be from the first, ‖a − b‖ / ‖b‖: sums in f32, in another order. */
const tolerance = 1e-5;

const software = /swiftshader|llvmpipe|basic render/i;

/** Has all contenders compute the work once; those that find what the first finds take turns. */
async function measure({ work, contenders, rounds, milliseconds, needsGPU }: PageTask): Promise<PageResult> {
  const turns = new Map<string, Turn>();
  const prepared: PreparedWork[] = [];
  const missing: string[] = [];
  let expected: Float32Array | undefined;
  let adapter = "";
  for (const contender of contenders) {
    try {
      const { open } = (await import(new URL(`${contender}.js`, location.href).href)) as { open: OpenContender };
      const library = await open();
      if (contender === contenders[0]) adapter = library.version ?? "";
      if (needsGPU && software.test(adapter)) throw new Error(`Chromium found no GPU, but ${adapter}`);
      const own = await library.prepare(work);
      prepared.push(own);
      await own.run(1);
      const found = await own.result();
      const different = difference(found, (expected ??= found));
      if (!(different <= tolerance)) throw new Error(`it differs from ours by ${different.toPrecision(2)} in norm`);
      turns.set(contender, turnOf(own, work, milliseconds));
    } catch (error) {
      if (contender === contenders[0]) throw error;
      const problem = error instanceof Error ? error.message.split("\n")[0] : String(error);
      missing.push(`${contender} does not take part: ${problem}`);
    }
  }
  const samples = await alternate(turns, rounds);
  for (const own of prepared) own.dispose();
  const times = Object.fromEntries(Array.from(samples, ([contender, { values }]) => [contender, values]));
  const browser = (/Chrome\/\d+/.exec(navigator.userAgent)?.[0] ?? navigator.userAgent).replace("/", " ");
  return { browser, adapter, times, missing };
}

function difference(found: Float32Array, expected: Float32Array): number {
  if (found.length !== expected.length) return Infinity;
  let [error, norm] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    error += (found[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(error / norm);
}

const task = JSON.parse(new URLSearchParams(location.search).get("task") ?? "") as PageTask;
(globalThis as { result?: PageResult }).result = await measure(task);
