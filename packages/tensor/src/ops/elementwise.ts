import { argumentError } from "../arguments.ts";
import type { BinaryOp, UnaryOp } from "../contract/index.ts";
import { full } from "../core/create.ts";
import { scope } from "../core/scope.ts";
import { record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { broadcastShapes, formatShape } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { broadcastView, checkDType, checkInputs, checkTensor, shapeError, zerosLike } from "./operands.ts";
import { sumTo } from "./reduction.ts";

/** A tensor, or a number that stands for one of any shape. */
export type Operand = Tensor | number;

// One input

/** The size of each element; its gradient at 0 is 0. */
export function abs(x: Tensor): Tensor {
  return unary("abs", x, "input", (g, x) => where(x, mul(g, sign(x)), 0));
}

/** The sign of each element: −1, 0 or 1. Its gradient is zero. */
export function sign(x: Tensor): Tensor {
  return unary("sign", x, "output", (g) => zerosLike(g));
}

/** eˣ of each element. */
export function exp(x: Tensor): Tensor {
  return unary("exp", x, "output", (g, y) => mul(g, y));
}

/**
 * The complementary error function, 1 − erf x = 2/√π ∫ₓ^∞ e^−t² dt: exact where erf x is nearly 1. `erf x` itself is
 * `sub(1, erfc(x))`, and GELU in its exact form `½x · erfc(−x/√2)`.
 */
export function erfc(x: Tensor): Tensor {
  return unary("erfc", x, "input", (g, x) => mul(g, mul(exp(neg(mul(x, x))), -2 / Math.sqrt(Math.PI))));
}

/** The natural logarithm. */
export function log(x: Tensor): Tensor {
  return unary("log", x, "input", (g, x) => div(g, x));
}

/** The square root of each element, NaN below 0. */
export function sqrt(x: Tensor): Tensor {
  return unary("sqrt", x, "output", (g, y) => div(g, mul(y, 2)));
}

/** The reciprocal square root 1 / √x: ∞ at 0, NaN below. */
export function rsqrt(x: Tensor): Tensor {
  // One factor after the other, so that nothing overflows where the gradient does not.
  return unary("rsqrt", x, "output", (g, y) => mul(mul(mul(g, mul(y, -0.5)), y), y));
}

/** The sine of each element, in radians. */
export function sin(x: Tensor): Tensor {
  return unary("sin", x, "input", (g, x) => mul(g, cos(x)));
}

/** The cosine of each element, in radians. */
export function cos(x: Tensor): Tensor {
  return unary("cos", x, "input", (g, x) => neg(mul(g, sin(x))));
}

/** The hyperbolic tangent of each element. */
export function tanh(x: Tensor): Tensor {
  return unary("tanh", x, "output", (g, y) => mul(g, affine(mul(y, y), -1, 1)));
}

/** The logistic function 1 / (1 + e⁻ˣ). */
export function sigmoid(x: Tensor): Tensor {
  return unary("sigmoid", x, "output", (g, y) => mul(g, mul(y, affine(y, -1, 1))));
}

/** −x of each element. */
export function neg(x: Tensor): Tensor {
  return affine(x, -1, -0, "neg");
}

// Two inputs, broadcast as in NumPy

/**
 * `a + b`, broadcast: sizes are equal, or one of them is 1, counted from the last axis. At least one operand is a tensor.
 *
 * ```ts
 * add(ones([2, 3]), ones([3])); // [2, 3]
 * add(ones([2, 3]), 1);
 * ```
 */
export function add(a: Operand, b: Operand): Tensor {
  if (typeof a === "number") return affine(tensorOf("add", b), 1, a, "add");
  return typeof b === "number" ? affine(a, 1, b, "add") : linearPair("add", a, b);
}

/** `a − b`, broadcast as in `add`. */
export function sub(a: Operand, b: Operand): Tensor {
  if (typeof a === "number") return affine(tensorOf("sub", b), -1, a, "sub");
  return typeof b === "number" ? affine(a, 1, -b, "sub") : linearPair("sub", a, b);
}

/** `a · b` of each pair of elements, broadcast as in `add`. Of matrices it is no product: see `matmul`. */
export function mul(a: Operand, b: Operand): Tensor {
  // A shift of −0 keeps the sign of zero.
  if (typeof a === "number") return affine(tensorOf("mul", b), a, -0, "mul");
  if (typeof b === "number") return affine(a, b, -0, "mul");
  return binary("mul", a, b, (g, a, b) => [() => mul(g, b), () => mul(g, a)]);
}

/** `a / b` of each pair of elements, broadcast as in `add`. */
export function div(a: Operand, b: Operand): Tensor {
  // No square of b, which may be beyond f32 where the quotient is not.
  return binary("div", a, b, (g, a, b) => [() => div(g, b), () => neg(mul(g, div(div(a, b), b)))]);
}

/**
 * `aᵇ`, as IEEE 754 has it: 1 where `b` is 0 or `a` is 1, even if the other is NaN. The gradient to `a` is `b · aᵇ⁻¹`, 0
 * where `b` is 0; that to `b` is `aᵇ · ln a`, 0 where `a` is 0 and `b` is not negative.
 */
export function pow(a: Operand, b: Operand): Tensor {
  return binary("pow", a, b, (g, a, b) => [
    () => where(b, mul(g, mul(b, pow(a, sub(b, 1)))), 0),
    () => where(maximum(abs(a), neg(b)), mul(g, mul(pow(a, b), log(a))), 0),
  ]);
}

/**
 * The larger of each pair, NaN where either is. It gets the gradient and the other one 0; where both are equal each gets
 * half of it, where either is NaN both get all of it.
 */
export function maximum(a: Operand, b: Operand): Tensor {
  return binary("maximum", a, b, (g, a, b) => [() => share(g, less(a, b), a, b), () => share(g, less(b, a), a, b)]);
}

/** The smaller of each pair, NaN where either is; its gradient as that of `maximum`. */
export function minimum(a: Operand, b: Operand): Tensor {
  return binary("minimum", a, b, (g, a, b) => [() => share(g, less(b, a), a, b), () => share(g, less(a, b), a, b)]);
}

/** 1 where equal, 0 elsewhere; NaN equals nothing. Not differentiable. */
export function equal(a: Operand, b: Operand): Tensor {
  return comparison("equal", a, b);
}

/** 1 where `a < b`, 0 elsewhere. Not differentiable. */
export function less(a: Operand, b: Operand): Tensor {
  return comparison("less", a, b);
}

/** 1 where `a > b`, 0 elsewhere. Not differentiable. */
export function greater(a: Operand, b: Operand): Tensor {
  return scope(() => {
    const [x, y] = operands("greater", a, b);
    return applyBinary("less", y, x, "greater");
  });
}

/** `condition ≠ 0 ? a : b`, all three broadcast together. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return scope(() => {
    checkTensor("where", condition);
    const [left, right] = [asTensor(a, condition), asTensor(b, condition)];
    checkInputs("where", [condition, left, right]);
    const shape = commonShape("where", condition.shape, commonShape("where", left.shape, right.shape));
    const out = Tensor.allocate(condition.backend, "f32", shape);
    if (out.size > 0) {
      out.backend.kernels.select({
        condition: broadcastView(condition, shape),
        a: broadcastView(left, shape),
        b: broadcastView(right, shape),
        out,
      });
    }
    const [leftShape, rightShape] = [left.shape, right.shape];
    return record("where", [condition, left, right], out, [condition], ({ grad, saved: [condition], needs }) => [
      undefined,
      needs(1) ? sumTo(where(condition, grad, 0), leftShape) : undefined,
      needs(2) ? sumTo(where(condition, 0, grad), rightShape) : undefined,
    ]);
  });
}

/** `x · scale + shift` with numbers, which are rounded to f32. `op` is what was called, for messages. */
export function affine(x: Tensor, scale: number, shift: number, op = "affine"): Tensor {
  checkDType(op, x, "f32");
  const out = x.allocateLike();
  if (out.size > 0) out.backend.kernels.affine({ x, scale, shift, out });
  return record(op, [x], out, [], ({ grad }) => [mul(grad, scale)]);
}

/** A function of one element, and its gradient, in terms of the input or the output: the tape holds that alone. */
export function unary(
  op: UnaryOp, x: Tensor, read: "input" | "output", gradient: (grad: Tensor, saved: Tensor) => Tensor,
): Tensor {
  checkDType(op, x, "f32");
  const out = x.allocateLike();
  if (out.size > 0) out.backend.kernels.unary({ op, x, out });
  return record(op, [x], out, [read === "input" ? x : out], ({ grad, saved: [saved] }) => [gradient(grad, saved)]);
}

/** What each operand's gradient is, in the shape of the output; called only for operands that need one. */
type PairGradient = (grad: Tensor, a: Tensor, b: Tensor) => readonly [() => Tensor, () => Tensor];

/** An op of two broadcast operands. */
function binary(op: BinaryOp, first: Operand, second: Operand, gradient: PairGradient): Tensor {
  return scope(() => {
    const [a, b] = operands(op, first, second);
    const shapes = [a.shape, b.shape];
    return record(op, [a, b], applyBinary(op, a, b), [a, b], ({ grad, saved, needs }) => {
      const parts = gradient(grad, ...saved);
      return parts.map((part, input) => (needs(input) ? sumTo(part(), shapes[input]) : undefined));
    });
  });
}

/** A sum of two broadcast operands, whose gradient needs neither of them. */
function linearPair(op: "add" | "sub", first: Tensor, second: Tensor): Tensor {
  checkInputs(op, [first, second]);
  const shapes = [first.shape, second.shape];
  return record(op, [first, second], applyBinary(op, first, second), [], ({ grad, needs }) => [
    needs(0) ? sumTo(grad, shapes[0]) : undefined,
    needs(1) ? sumTo(op === "add" ? grad : neg(grad), shapes[1]) : undefined,
  ]);
}

function comparison(op: BinaryOp, first: Operand, second: Operand): Tensor {
  return scope(() => applyBinary(op, ...operands(op, first, second)));
}

/** `name` is the op that was called, for messages. */
function applyBinary(op: BinaryOp, a: Tensor, b: Tensor, name: string = op): Tensor {
  const shape = commonShape(name, a.shape, b.shape);
  const out = Tensor.allocate(a.backend, "f32", shape);
  if (out.size > 0) out.backend.kernels.binary({ op, a: broadcastView(a, shape), b: broadcastView(b, shape), out });
  return out;
}

function operands(op: string, first: Operand, second: Operand): [Tensor, Tensor] {
  const like = typeof first === "number" ? tensorOf(op, second) : first;
  checkTensor(op, like);
  const [a, b] = [asTensor(first, like), asTensor(second, like)];
  checkInputs(op, [a, b]);
  return [a, b];
}

function tensorOf(op: string, operand: Operand): Tensor {
  if (typeof operand !== "number") return operand;
  throw argumentError(op, "at least one operand must be a tensor");
}

function asTensor(operand: Operand, like: Tensor): Tensor {
  return typeof operand === "number" ? full([], operand, { backend: like.backend }) : operand;
}

function commonShape(op: string, a: Shape, b: Shape): Shape {
  const shape = broadcastShapes(a, b);
  if (shape) return shape;
  throw shapeError(op, `${formatShape(a)} and ${formatShape(b)} do not broadcast: sizes must be equal or 1`);
}

/** The part of a gradient that goes to one of `a` and `b`: nothing where it loses, and half of it where both are equal. */
function share(grad: Tensor, loses: Tensor, a: Tensor, b: Tensor): Tensor {
  return where(loses, 0, where(equal(a, b), mul(grad, 0.5), grad));
}
