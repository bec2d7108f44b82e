import { exp4, log1p } from "./math";
import { othersOf } from "./normalization";
import { maxOf } from "./reduce";
import { storeUpTo4 } from "./simd";

/**
 * Writes how many targets are not ignored to `count`. Stops at the first of them that is outside the classes and
 * returns its row, else −1.
 */
export function countTargets(targets: usize, rows: i32, classes: i32, ignoreIndex: i32, count: usize): i32 {
  let counted = 0;
  for (let row = 0; row < rows; row++) {
    const target = load<i32>(targets + <usize>row * 4);
    if (target == ignoreIndex) continue;
    if (<u32>target >= <u32>classes) return row;
    counted++;
  }
  store<f32>(count, <f32>counted);
  return -1;
}

/**
 * The cross-entropy of each row of logits, 0 where ignored, and in `statistics` the largest logit of a row with the sum of
 * the other exponentials: see `othersOf`.
 */
export function crossEntropy(
  logits: usize, rows: i32, classes: i32, targets: usize, ignoreIndex: i32, losses: usize, statistics: usize,
): void {
  for (; rows > 0; rows--) {
    const target = load<i32>(targets);
    let loss: f32 = 0;
    if (target != ignoreIndex) {
      const largest = maxOf(logits, classes);
      const others = othersOf(logits, classes, largest);
      loss = <f32>(<f64>largest - <f64>load<f32>(logits + <usize>target * 4) + log1p(others));
      store<f32>(statistics, largest);
      store<f32>(statistics, <f32>others, 4);
    }
    store<f32>(losses, loss);
    logits += <usize>classes * 4;
    targets += 4;
    losses += 4;
    statistics += 8;
  }
}

/** `out = (softmax(logits) − onehot(target)) · grad` of each row, 0 where ignored. `out` may be `logits`. */
export function crossEntropyGradient(
  logits: usize, rows: i32, classes: i32, targets: usize, ignoreIndex: i32, statistics: usize, grad: usize, out: usize,
): void {
  const step = <usize>classes * 4;
  for (; rows > 0; rows--) {
    const target = load<i32>(targets);
    if (target == ignoreIndex) {
      memory.fill(out, 0, step);
    } else {
      const largest = load<f32>(statistics);
      const others = load<f32>(statistics, 4);
      const sum = others + 1;
      const g = load<f32>(grad);
      const factors = f32x4.splat(g / sum);
      const shift = f32x4.splat(largest);
      const score = load<f32>(logits + <usize>target * 4);
      const exponential = f32x4.extract_lane(exp4(f32x4.splat(score - largest)), 0);
      for (let i = 0; i < classes; i += 4) {
        const at = <usize>i * 4;
        const y = f32x4.mul(exp4(f32x4.sub(v128.load(logits + at), shift)), factors);
        storeUpTo4(out + at, y, classes - i);
      }
      // Probability less 1, without cancellation where it is close to 1.
      const excess = score == largest ? -others / sum : exponential / sum - 1;
      store<f32>(out + <usize>target * 4, excess * g);
    }
    logits += step;
    out += step;
    targets += 4;
    statistics += 8;
    grad += 4;
  }
}
