import { argumentError } from "../arguments.ts";
import type { AttentionKernels, VectorsView, View } from "../contract/index.ts";
import { composite, needsGradient, record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { planAttention } from "./attention-arguments.ts";
import type { AttentionArguments, AttentionPlan } from "./attention-arguments.ts";
import { appendTo } from "./attention-cache.ts";
import { checkpoint } from "./checkpoint.ts";
import { composedAttention } from "./composed/attention.ts";
import { div, exp, mul, neg, sub } from "./elementwise.ts";
import { fused } from "./fused.ts";
import { reshape, slice } from "./movement.ts";
import { dense, viewAs, viewOf } from "./operands.ts";
import { sum } from "./reduce.ts";

/**
 * Multi-head self-attention (Vaswani et al. 2017, section 3.2) of packed projections: `qkv` is
 * `[tokens, (heads + 2·kvHeads)·headDim]`, queries, then keys, then values along its columns; the result is
 * `[tokens, heads·headDim]`. The matrix of scores is never stored, but for `pattern`; with `dropout` it is in memory while this
 * layer computes, and made again for the gradient.
 */
export function attention(qkv: Tensor, options: AttentionArguments): Tensor {
  return composite("attention", () => {
    const plan = planAttention(qkv, options);
    const { sinks, cache, pattern, dropout } = options;
    const needed = needsGradient(sinks ? [qkv, sinks] : [qkv]);
    if (cache && needed) {
      throw argumentError("attention", "no gradient flows through a cache; run under noGrad");
    }
    const own = cache ? dense(qkv) : qkv; // No gradient flows through a cache.
    const all = cache && appendTo(cache, split(own, plan), plan.batch);
    const kernels = fused(qkv.backend, "attention", ...(needed ? ["attentionGradient"] as const : []));
    if (dropout && !pattern) {
      const inputs: readonly Tensor[] = sinks ? [own, sinks] : [own];
      return checkpoint<readonly Tensor[]>((own, sinks) => composedAttention(own, plan, { ...options, sinks }), inputs);
    }
    return pattern || !kernels ? composedAttention(own, plan, options) : attend(kernels, own, plan, sinks, all);
  });
}

type Kernels = Pick<AttentionKernels, "attention" | "attentionGradient">;

/** By the kernels that store no scores; keys and values are those of `qkv`, or others. */
function attend(
  kernels: Kernels, qkv: Tensor, plan: AttentionPlan, sinks?: Tensor, others?: Readonly<Record<"k" | "v", VectorsView>>,
): Tensor {
  const { heads, headDim, batch } = plan;
  const tokens = qkv.shape[0];
  const packed = dense(qkv);
  const { q, k, v } = split(packed, plan);
  const out = Tensor.allocate(qkv.backend, "f32", [tokens, heads * headDim]);
  const inputs = sinks ? [qkv, sinks] : [qkv];
  const statistics = needsGradient(inputs) ? Tensor.allocate(qkv.backend, "f32", [tokens, heads, 2]) : null;
  if (out.size > 0) {
    kernels.attention({
      ...plan.mask,
      scale: plan.scale,
      batch,
      q,
      ...(others ?? { k: floats(k), v: floats(v) }),
      sinks: sinks ? dense(sinks) : null,
      out: viewAs(out, tokens, heads, headDim),
      statistics,
    });
  }
  if (!statistics) return out;
  const saved = [packed, out, statistics, batch.table, ...(sinks ? [sinks] : [])] as const;
  return record("attention", inputs, out, saved, ({ grad, needs, saved: [packed, out, statistics, table, sinks] }) => [
    needs(0) ? projectionGradient(kernels, packed, { out, statistics, table, grad: dense(grad) }, plan) : undefined,
    sinks && needs(1) ? sinkGradient(sinks, out, statistics, grad) : undefined,
  ]);
}

function floats(values: View): VectorsView {
  return { dtype: "f32", shape: values.shape, values, scales: null };
}

interface SavedResults extends Readonly<Record<"out" | "statistics" | "grad", Tensor>> {
  readonly table: Tensor<"i32">;
}

function projectionGradient(
  kernels: Kernels, packed: Tensor, { out, statistics, table, grad }: SavedResults, plan: AttentionPlan,
): Tensor {
  const { heads, headDim, scale, mask, batch } = plan;
  const tokens = packed.shape[0];
  const gradient = packed.allocateLike();
  const into = split(gradient, plan);
  if (gradient.size > 0) {
    kernels.attentionGradient({
      ...mask,
      scale,
      batch: { sequences: batch.sequences, table },
      ...split(packed, plan),
      out: viewAs(out, tokens, heads, headDim),
      statistics,
      grad: viewAs(grad, tokens, heads, headDim),
      gradQ: into.q,
      gradK: into.k,
      gradV: into.v,
    });
  }
  return gradient;
}

/** A sink has no value: its gradient is −Σ over the queries of its probability times the others' mean gradient, Σ out · grad. */
function sinkGradient(sinks: Tensor, out: Tensor, statistics: Tensor, grad: Tensor): Tensor {
  const [tokens, heads] = statistics.shape;
  const [largest, total] = [0, 1].map((index) => slice(statistics, 2, index, index + 1)); // (tokens, heads, 1)
  const probabilities = div(exp(sub(reshape(sinks, [heads, 1]), largest)), total);
  const byHead = (x: Tensor): Tensor => reshape(x, [tokens, heads, x.shape[1] / heads]);
  return neg(sum(mul(mul(byHead(out), probabilities), byHead(grad)), { axis: [0, 2] }));
}

/** The three parts of dense packed projections, as `[tokens, heads, headDim]`. */
function split(packed: Tensor, { heads, kvHeads, headDim }: AttentionPlan): { q: View; k: View; v: View } {
  const [tokens, width] = packed.shape;
  const part = (first: number, count: number): View =>
    viewOf(packed, {
      shape: [tokens, count, headDim],
      strides: [width, headDim, 1],
      offset: packed.offset + first * headDim,
    });
  return { q: part(0, heads), k: part(heads, kvHeads), v: part(heads + kvHeads, kvHeads) };
}
