import { exp4 } from "./math";
import { maxOf } from "./reduce";
import { exponentials } from "./normalization";
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

/** The cross-entropy of each row of logits, 0 where ignored. */
export function crossEntropy(
  logits: usize, rows: i32, classes: i32, targets: usize, ignoreIndex: i32, losses: usize, logSumExp: usize,
): void {
  for (let row = 0; row < rows; row++) {
    const target = load<i32>(targets + <usize>row * 4);
    const largest = maxOf(logits, classes);
    const logSum = <f32>(<f64>largest + Math.log(exponentials(logits, classes, largest, 0)));
    store<f32>(logSumExp + <usize>row * 4, logSum);
    const loss = target == ignoreIndex ? <f32>0 : logSum - load<f32>(logits + <usize>target * 4);
    store<f32>(losses + <usize>row * 4, loss);
    logits += <usize>classes * 4;
  }
}

/** `out = (softmax(logits) − onehot(target)) · grad` of each row, 0 where ignored. `out` may be `logits`. */
export function crossEntropyGradient(
  logits: usize, rows: i32, classes: i32, targets: usize, ignoreIndex: i32, logSumExp: usize, grad: usize, out: usize,
): void {
  const step = <usize>classes * 4;
  for (; rows > 0; rows--) {
    const target = load<i32>(targets);
    if (target == ignoreIndex) {
      memory.fill(out, 0, step);
    } else {
      const g = load<f32>(grad);
      const grads = f32x4.splat(g);
      const shift = f32x4.splat(load<f32>(logSumExp));
      const probability = exp4(f32x4.sub(v128.load32_splat(logits + <usize>target * 4), shift));
      for (let i = 0; i < classes; i += 4) {
        const at = <usize>i * 4;
        const y = f32x4.mul(exp4(f32x4.sub(v128.load(logits + at), shift)), grads);
        storeUpTo4(out + at, y, classes - i);
      }
      store<f32>(out + <usize>target * 4, (f32x4.extract_lane(probability, 0) - 1) * g);
    }
    logits += step;
    out += step;
    targets += 4;
    logSumExp += 4;
    grad += 4;
  }
}
