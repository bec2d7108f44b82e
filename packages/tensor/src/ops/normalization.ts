import { check } from "../arguments.ts";
import { scope } from "../core/scope.ts";
import { needsGradient, record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { nonNegative } from "../expectations.ts";
import { formatShape, sameShape } from "../shape.ts";
import { composed, fused } from "./fused.ts";
import { checkDType, checkInputs, dense, shapeError, viewAs, zerosLike } from "./operands.ts";

/**
 * Layer normalization over the last axis (Ba et al. 2016): `(x − mean) / √(variance + epsilon) · weight + bias`, with
 * `weight` and `bias` of that axis' length.
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  check("layerNorm", "epsilon", epsilon, nonNegative);
  const inputs = [x, weight, bias];
  checkInputs("layerNorm", inputs);
  const width = x.shape.at(-1);
  if (width === undefined || !sameShape(weight.shape, [width]) || !sameShape(bias.shape, [width])) {
    throw shapeError(
      "layerNorm",
      `x ${formatShape(x.shape)}, weight ${formatShape(weight.shape)}, bias ${formatShape(bias.shape)}: ` +
        "weight and bias must have the length of the last axis",
    );
  }
  const rows = width === 0 ? 0 : x.size / width;
  const kernels = fused(x.backend, "layerNorm");
  // What the forward kernel saves is for its gradient.
  const gradientKernels = kernels && fused(x.backend, "layerNormGradient");
  return scope(() => {
    const [xs, weights] = [dense(x), dense(weight)];
    const saves = gradientKernels && needsGradient(inputs);
    const statistics = saves ? [[rows, 2], [rows]].map((shape) => Tensor.allocate(x.backend, "f32", shape)) : [];
    const [mean = null, rstd = null] = statistics;
    const out = kernels ? x.allocateLike() : composed(x.backend, "layerNorm", xs, weights, bias, epsilon);
    if (kernels && out.size > 0) {
      kernels.layerNorm({
        x: viewAs(xs, rows, width),
        weight: weights,
        bias: dense(bias),
        epsilon,
        out: viewAs(out, rows, width),
        mean,
        rstd,
      });
    }
    const saved = [xs, weights, ...statistics];
    return record("layerNorm", inputs, out, saved, ({ grad, saved: [x, weight, mean, rstd], needs, accumulator }) => {
      if (!gradientKernels) {
        const { gradX, gradWeight, gradBias } = composed(x.backend, "layerNormGradient", x, weight, epsilon, grad);
        return [gradX, gradWeight, gradBias];
      }
      const gradX = x.allocateLike();
      const weightSum = accumulator(1);
      // One tensor may be both weight and bias; the kernel needs two places.
      const biasSum = accumulator(2) === weightSum ? undefined : accumulator(2);
      for (const sum of [weightSum, biasSum]) sum?.overwrite("layerNorm");
      const gradWeight = needs(1) ? (weightSum ?? zerosLike(weight)) : null;
      const gradBias = needs(2) ? (biasSum ?? zerosLike(weight)) : null;
      if (grad.size > 0) {
        gradientKernels.layerNormGradient({
          x: viewAs(x, rows, width),
          weight,
          mean,
          rstd,
          grad: viewAs(dense(grad), rows, width),
          gradX: viewAs(gradX, rows, width),
          gradWeight,
          gradBias,
        });
      }
      return [gradX, ...[weightSum ? null : gradWeight, biasSum ? null : gradBias].map((found) => found ?? undefined)];
    });
  });
}

/**
 * Root mean square normalization over the last axis (Zhang & Sennrich 2019): `x / √(mean(x²) + epsilon) · weight`, with
 * `weight` of that axis' length.
 */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon = 1e-5): Tensor {
  checkInputs("rmsNorm", [x, weight]);
  check("rmsNorm", "epsilon", epsilon, nonNegative);
  const width = x.shape.at(-1);
  if (width === undefined || !sameShape(weight.shape, [width])) {
    throw shapeError(
      "rmsNorm",
      `x ${formatShape(x.shape)}, weight ${formatShape(weight.shape)}: the weight must have the length of the last axis`,
    );
  }
  const rows = width === 0 ? 0 : x.size / width;
  return scope(() => {
    const [xs, weights] = [dense(x), dense(weight)];
    const out = rmsNormOf(xs, weights, epsilon, rows);
    return record("rmsNorm", [x, weight], out, [xs, weights], ({ grad, saved: [x, weight], needs, accumulator }) => {
      const kernels = fused(x.backend, "rmsNormGradient");
      if (!kernels) {
        const { gradX, gradWeight } = composed(x.backend, "rmsNormGradient", x, weight, epsilon, grad);
        return [gradX, gradWeight];
      }
      const gradX = x.allocateLike();
      const sum = accumulator(1);
      sum?.overwrite("rmsNorm");
      const gradWeight = needs(1) ? (sum ?? zerosLike(weight)) : null;
      if (grad.size > 0) {
        kernels.rmsNormGradient({
          x: viewAs(x, rows, width),
          weight,
          epsilon,
          grad: viewAs(dense(grad), rows, width),
          gradX: viewAs(gradX, rows, width),
          gradWeight,
        });
      }
      return [gradX, sum || !gradWeight ? undefined : gradWeight];
    });
  });
}

/** `rmsNorm` of dense operands, off the tape. */
function rmsNormOf(x: Tensor, weight: Tensor, epsilon: number, rows: number): Tensor {
  const kernels = fused(x.backend, "rmsNorm");
  if (!kernels) return composed(x.backend, "rmsNorm", x, weight, epsilon);
  const out = x.allocateLike();
  const width = weight.size;
  if (out.size > 0) kernels.rmsNorm({ x: viewAs(x, rows, width), weight, epsilon, out: viewAs(out, rows, width) });
  return out;
}

/** Softmax over the last axis: `exp(x) / Σ exp(x)`, computed without overflow. */
export function softmax(x: Tensor): Tensor {
  return softmaxBy(x, false);
}

/** The logarithm of softmax over the last axis, precise where softmax underflows. */
export function logSoftmax(x: Tensor): Tensor {
  return softmaxBy(x, true);
}

function softmaxBy(x: Tensor, logarithm: boolean): Tensor {
  const op = logarithm ? "logSoftmax" : "softmax";
  checkDType(op, x, "f32");
  const width = x.shape.at(-1);
  if (width === undefined) throw shapeError(op, "a scalar has no axis to normalise over");
  const rows = width === 0 ? 0 : x.size / width;
  return scope(() => {
    const out = softmaxOf(x, logarithm, rows, width);
    return record(op, [x], out, [out], ({ grad, saved: [y] }) => {
      const kernels = fused(y.backend, "softmaxGradient");
      if (!kernels && y.size > 0) return [composed(y.backend, "softmaxGradient", y, logarithm, grad)];
      const gradX = y.allocateLike();
      if (kernels && gradX.size > 0) {
        kernels.softmaxGradient({
          y: viewAs(y, rows, width),
          logarithm,
          grad: viewAs(dense(grad), rows, width),
          out: viewAs(gradX, rows, width),
        });
      }
      return [gradX];
    });
  });
}

/** Off the tape. */
function softmaxOf(x: Tensor, logarithm: boolean, rows: number, width: number): Tensor {
  const kernels = fused(x.backend, "softmax");
  if (!kernels && x.size > 0) return composed(x.backend, "softmax", x, logarithm);
  const out = x.allocateLike();
  if (kernels && out.size > 0) {
    kernels.softmax({ x: viewAs(dense(x), rows, width), logarithm, out: viewAs(out, rows, width) });
  }
  return out;
}
