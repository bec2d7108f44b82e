import { alternate } from "../harness/alternate.ts";
import type { Turn } from "../harness/alternate.ts";
import type { Section } from "../harness/report.ts";
import { compared, formatNumber, rate } from "../harness/rows.ts";
import type { Row, Unit } from "../harness/rows.ts";
import type { Sample } from "../harness/sample.ts";
import { Contender } from "../harness/contender.ts";
import { findPython } from "../harness/python.ts";
import type { ContenderProgram } from "../harness/contender.ts";
import { Contenders } from "../harness/contenders.ts";
import type { Product } from "../models/onnx.ts";
import { fusedVectors } from "../contenders/ours-backend.ts";
import type { LimitResult } from "../contenders/limits.ts";
import type { ProductResult } from "../contenders/product.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

/** Rows, inputs and outputs of a GPT's layers: rows are the tokens of a batch. */
const layers = [
  [256, 768, 3072],
  [256, 3072, 768],
  [2048, 384, 1536],
  [768, 128, 512],
  [64, 768, 50_257],
] as const;
const square = product(1024, 1024, 1024);
/** Each layer's product as it is written, and the three of a training step: forward, to the inputs, to the weights. */
const products = distinct([
  square,
  product(1024, 1024, 1024, { transposeB: true }),
  product(1024, 1024, 1024, { transposeA: true }),
  ...layers.flatMap(([rows, inputs, outputs]) => [
    product(rows, inputs, outputs),
    product(rows, inputs, outputs, { transposeB: true }),
    product(rows, outputs, inputs),
    product(outputs, rows, inputs, { transposeA: true }),
  ]),
]);

const ours = "matmul-ours.ts";
const node = "matmul-onnxruntime-node.ts";
const web = "matmul-onnxruntime-web.ts";
const python = findPython();
const programs: ContenderProgram[] = [
  { name: "ours", file: ours, setup: { build: "relaxed", threads: 1 } },
  { name: "ours plain", file: ours, setup: { build: "simd", threads: 1 } },
  { name: "ours fused", file: ours, setup: { build: "relaxed", threads: 1, revectorized: true }, flags: fusedVectors },
  { name: "ours, 2 threads", file: ours, setup: { build: "relaxed", threads: 2 } },
  {
    name: "ours fused, 2 threads",
    file: ours,
    setup: { build: "relaxed", threads: 2, revectorized: true },
    flags: fusedVectors,
  },
  { name: "native", file: ours, setup: { native: true, threads: 1 } },
  { name: "native, 2 threads", file: ours, setup: { native: true, threads: 2 } },
  ...[1, 2].map((threads) => ({
    name: threads === 1 ? "PyTorch" : `PyTorch, ${threads} threads`,
    file: "matmul-torch.py",
    python,
    setup: { threads },
    environment: {
      OMP_NUM_THREADS: String(threads),
      OPENBLAS_NUM_THREADS: String(threads),
      OPENBLAS_CORETYPE: undefined,
      OPENBLAS_L2_SIZE: undefined,
    },
  })),
  { name: "onnxruntime-node", file: node, setup: { threads: 1 } },
  { name: "onnxruntime-node, 2 threads", file: node, setup: { threads: 2 } },
  { name: "onnxruntime-web", file: web, setup: { threads: 1 } },
  { name: "onnxruntime-web, 2 threads", file: web, setup: { threads: 2 } },
  { name: "tfjs-wasm", file: "matmul-tfjs.ts", setup: { threads: 1 } },
  { name: "jax-js", file: "matmul-jax.ts" },
];
const limits: ContenderProgram[] = [
  { name: "FMA peak", file: "limits.ts", setup: { build: "relaxed" } },
  { name: "mul + add peak", file: "limits.ts", setup: { build: "simd" } },
];
const flag = "--experimental-revectorize";
/** What calls native code, on so many threads. */
const nativePeers = (threads: string) => ["onnxruntime-node", "PyTorch"].map((name) => name + threads);
const javaScriptPeers = ["onnxruntime-web", "tfjs-wasm", "jax-js"];

/** Milliseconds of one turn. */
const turn = 50;
/** Some of them take seconds for some products. */
const hopeless = { names: javaScriptPeers, factor: 15 };

/** f32 matrix products: ours against what the machine can do, and against others. */
export async function matmul({ rounds, progress }: BenchmarkOptions): Promise<Section> {
  const contenders = new Contenders();
  try {
    for (const program of [...programs, ...limits]) await contenders.start(program);
    const measured = new Map<Product, Map<string, Sample>>();
    for (const product of products) {
      progress(`matmul ${formatProduct(product)}`);
      measured.set(product, await measure(product, contenders, rounds));
    }
    return {
      title: "Matrix product",
      rows: [...summary(measured), ...(await scaling(measured.get(square) as Map<string, Sample>, contenders, rounds))],
      details: details(measured),
      notes: [
        "native calls the machine's BLAS; PyTorch has the same, or its own",
        "ours is the build with relaxed SIMD, plain the one without, fused the former with " + flag,
        "ᵀ marks an operand that lies in memory with its axes swapped",
        ...contenders.notes,
        `${javaScriptPeers.join(", ")}: one turn without a warm-up where more than ${hopeless.factor} × slower than the fastest`,
      ],
    };
  } finally {
    await contenders.close();
  }
}

/** Times of one product by each contender, all of which must find the same; the limits' times are for as many operations. */
async function measure(product: Product, contenders: Contenders, rounds: number): Promise<Map<string, Sample>> {
  const turns = new Map<string, Turn>();
  let expected: readonly number[] | undefined;
  for (const { name } of programs) {
    const contender = contenders.get(name);
    if (!contender) continue;
    turns.set(name, async () => {
      const { times, probes } = (await contender.ask({ product, milliseconds: turn })) as ProductResult;
      checkSame(name, (expected ??= probes), probes, product);
      return times;
    });
  }
  for (const { name } of limits) {
    const contender = contenders.get(name);
    if (!contender) continue;
    turns.set(name, async () => {
      const { times, amount } = (await contender.ask({ milliseconds: turn })) as LimitResult;
      return times.map((time) => (time * operations(product)) / amount);
    });
  }
  return alternate(turns, rounds, hopeless);
}

function checkSame(name: string, expected: readonly number[], found: readonly number[], product: Product): void {
  // Sums of k products below 1, in another order.
  const tolerance = 1e-5 * Math.sqrt(product.k);
  const different = expected.findIndex((value, i) => !(Math.abs(value - found[i]) <= tolerance));
  if (different < 0 && expected.length === found.length) return;
  throw new Error(
    `${name} computes ${formatProduct(product)} wrongly: ${found[different]}, not ${expected[different]}`,
  );
}

/** The lines that something is demanded of. */
function summary(measured: ReadonlyMap<Product, ReadonlyMap<string, Sample>>): Row[] {
  const bestOf = (names: readonly string[]) => (samples: ReadonlyMap<string, Sample>): string | undefined =>
    names.filter((name) => samples.has(name)).toSorted((a, b) => median(samples, a) - median(samples, b))[0];
  const bestOfJavaScript = bestOf(javaScriptPeers);
  const line = (work: string, product: Product, name: string, peer: string | undefined, demanded?: number): Row[] => {
    const samples = measured.get(product) as ReadonlyMap<string, Sample>;
    const [own, theirs] = [samples.get(name), peer === undefined ? undefined : samples.get(peer)];
    if (!own || !theirs || peer === undefined) return [];
    return [compared({ work, unit: gflops(product), ours: own, against: peer, theirs, demanded })];
  };
  const worst = (name: string, peerOf: (samples: ReadonlyMap<string, Sample>) => string | undefined): Product => {
    const ratio = (samples: ReadonlyMap<string, Sample>): number => {
      const peer = peerOf(samples);
      return peer === undefined ? Infinity : median(samples, peer) / median(samples, name);
    };
    return [...measured].toSorted(([, a], [, b]) => ratio(a) - ratio(b))[0][0];
  };
  const worstOf = (work: string, name: string, peerOf: Parameters<typeof worst>[1], demanded: number): Row[] => {
    const product = worst(name, peerOf);
    const peer = peerOf(measured.get(product) as ReadonlyMap<string, Sample>);
    return line(`${work}, the worst: ${formatProduct(product)}`, product, name, peer, demanded);
  };
  const cube = formatProduct(square);
  return [
    ...line(`${cube}, 1 thread`, square, "ours", "FMA peak", 0.85),
    ...worstOf("1 thread", "ours", () => "FMA peak", 0.7),
    ...worstOf("1 thread", "ours", bestOfJavaScript, 1.8),
    ...line(`${cube}, 2 threads`, square, "ours, 2 threads", "onnxruntime-web, 2 threads"),
    ...worstOf("plain SIMD, 1 thread", "ours plain", () => "mul + add peak", 0.8),
    ...line(`${cube}, 1 thread`, square, "ours", "onnxruntime-node"),
    ...line(`${cube}, 2 threads`, square, "ours, 2 threads", "onnxruntime-node, 2 threads"),
    ...["", ", 2 threads"].flatMap((threads) => {
      const [own, best] = [`native${threads}`, bestOf(nativePeers(threads))];
      const told = `native, ${threads === "" ? "1 thread" : "2 threads"}`;
      const peer = best(measured.get(square) as ReadonlyMap<string, Sample>);
      return [...line(`${told}, ${cube}`, square, own, peer, 0.95), ...worstOf(told, own, best, 0.95)];
    }),
    ...line(`${cube}, 1 thread, ${flag}`, square, "ours fused", "onnxruntime-node", 1),
    ...line(`${cube}, 2 threads, ${flag}`, square, "ours fused, 2 threads", "onnxruntime-node, 2 threads", 1),
  ];
}

/** Two threads over one, and two processes of one thread over one. */
async function scaling(samples: ReadonlyMap<string, Sample>, contenders: Contenders, rounds: number): Promise<Row[]> {
  const [alone, two] = [samples.get("ours"), samples.get("ours, 2 threads")];
  const one = contenders.get("ours");
  if (!alone || !two || !one) return [];
  const other = await Contender.start(programs[0]);
  try {
    const task = { product: square, milliseconds: 2 * turn };
    const both = async (): Promise<readonly number[]> => {
      const results = (await Promise.all([one, other].map((contender) => contender.ask(task)))) as ProductResult[];
      return results.flatMap(({ times }) => times.map((time) => time / 2));
    };
    const together = (await alternate(new Map([["both", both]]), rounds)).get("both") as Sample;
    const unit = gflops(square);
    const work = formatProduct(square);
    return [
      compared({
        work: `${work}, 2 threads over 1`,
        unit,
        ours: two,
        against: "1 thread",
        theirs: alone,
        demanded: 1.7,
      }),
      compared({ work: `${work}, 2 threads`, unit, ours: two, against: "2 processes at once", theirs: together }),
    ];
  } finally {
    await other.close();
  }
}

/** GFLOP/s of everything. */
function details(measured: ReadonlyMap<Product, ReadonlyMap<string, Sample>>): string[][] {
  const names = [...new Set([...measured.values()].flatMap((samples) => [...samples.keys()]))];
  const rows = Array.from(measured, ([product, samples]) => [
    formatProduct(product),
    ...names.map((name) => (samples.has(name) ? formatNumber(gflops(product).of(median(samples, name))) : "")),
  ]);
  return [["GFLOP/s, medians", ...names], ...rows];
}

function product(m: number, k: number, n: number, transposed: Partial<Product> = {}): Product {
  return { m, k, n, transposeA: false, transposeB: false, ...transposed };
}

function distinct(products: readonly Product[]): Product[] {
  return [...new Map(products.map((product) => [formatProduct(product), product])).values()];
}

function formatProduct({ m, k, n, transposeA, transposeB }: Product): string {
  return `${m}${transposeA ? "ᵀ" : ""}×${k}×${n}${transposeB ? "ᵀ" : ""}`;
}

function operations({ m, k, n }: Product): number {
  return 2 * m * k * n;
}

function gflops(product: Product): Unit {
  return rate("GFLOP/s", operations(product), 1e9);
}

function median(samples: ReadonlyMap<string, Sample>, name: string): number {
  return samples.get(name)?.median ?? Infinity;
}
