import { madd, storeUpTo4 } from "./simd";
import { erfc4, exp4, gelu4, geluDerivative4, sigmoid4, silu4, siluGradient4, tanh4, turned } from "./math";

// Functions as types, so that one loop is compiled for each of them.

@unmanaged class Unary { at(x: v128): v128 { return x; } }

@unmanaged class Binary { at(a: v128, b: v128): v128 { return a; } }

function map<F extends Unary>(x: usize, out: usize, count: i32): void {
  const f = changetype<F>(0);
  for (; count > 0; count -= 4) {
    storeUpTo4(out, f.at(v128.load(x)), count);
    x += 16;
    out += 16;
  }
}

function zip<F extends Binary>(a: usize, b: usize, out: usize, count: i32): void {
  const f = changetype<F>(0);
  for (; count > 0; count -= 4) {
    storeUpTo4(out, f.at(v128.load(a), v128.load(b)), count);
    a += 16;
    b += 16;
    out += 16;
  }
}

@inline
function oneWhere(condition: v128): v128 {
  return v128.and(condition, f32x4.splat(1));
}

@unmanaged class Abs extends Unary { @inline at(x: v128): v128 { return f32x4.abs(x); } }
export function abs(x: usize, out: usize, count: i32): void { map<Abs>(x, out, count); }

@unmanaged class Erfc extends Unary { @inline at(x: v128): v128 { return erfc4(x); } }
export function erfc(x: usize, out: usize, count: i32): void { map<Erfc>(x, out, count); }

@unmanaged class Exp extends Unary { @inline at(x: v128): v128 { return exp4(x); } }
export function exp(x: usize, out: usize, count: i32): void { map<Exp>(x, out, count); }

@unmanaged class Gelu extends Unary { @inline at(x: v128): v128 { return gelu4(x); } }
export function gelu(x: usize, out: usize, count: i32): void { map<Gelu>(x, out, count); }

@unmanaged class Relu extends Unary { @inline at(x: v128): v128 { return f32x4.max(x, f32x4.splat(0)); } }
export function relu(x: usize, out: usize, count: i32): void { map<Relu>(x, out, count); }

@unmanaged class Rsqrt extends Unary { @inline at(x: v128): v128 { return f32x4.div(f32x4.splat(1), f32x4.sqrt(x)); } }
export function rsqrt(x: usize, out: usize, count: i32): void { map<Rsqrt>(x, out, count); }

@unmanaged class Sigmoid extends Unary { @inline at(x: v128): v128 { return sigmoid4(x); } }
export function sigmoid(x: usize, out: usize, count: i32): void { map<Sigmoid>(x, out, count); }

@unmanaged class Silu extends Unary { @inline at(x: v128): v128 { return silu4(x); } }
export function silu(x: usize, out: usize, count: i32): void { map<Silu>(x, out, count); }

@unmanaged class Sqrt extends Unary { @inline at(x: v128): v128 { return f32x4.sqrt(x); } }
export function sqrt(x: usize, out: usize, count: i32): void { map<Sqrt>(x, out, count); }

@unmanaged class Tanh extends Unary { @inline at(x: v128): v128 { return tanh4(x); } }
export function tanh(x: usize, out: usize, count: i32): void { map<Tanh>(x, out, count); }

@unmanaged class Add extends Binary { @inline at(a: v128, b: v128): v128 { return f32x4.add(a, b); } }
export function add(a: usize, b: usize, out: usize, count: i32): void { zip<Add>(a, b, out, count); }

@unmanaged class Sub extends Binary { @inline at(a: v128, b: v128): v128 { return f32x4.sub(a, b); } }
export function sub(a: usize, b: usize, out: usize, count: i32): void { zip<Sub>(a, b, out, count); }

@unmanaged class Mul extends Binary { @inline at(a: v128, b: v128): v128 { return f32x4.mul(a, b); } }
export function mul(a: usize, b: usize, out: usize, count: i32): void { zip<Mul>(a, b, out, count); }

@unmanaged class Div extends Binary { @inline at(a: v128, b: v128): v128 { return f32x4.div(a, b); } }
export function div(a: usize, b: usize, out: usize, count: i32): void { zip<Div>(a, b, out, count); }

@unmanaged class Maximum extends Binary { @inline at(a: v128, b: v128): v128 { return f32x4.max(a, b); } }
export function maximum(a: usize, b: usize, out: usize, count: i32): void { zip<Maximum>(a, b, out, count); }

@unmanaged class Minimum extends Binary { @inline at(a: v128, b: v128): v128 { return f32x4.min(a, b); } }
export function minimum(a: usize, b: usize, out: usize, count: i32): void { zip<Minimum>(a, b, out, count); }

@unmanaged class Equal extends Binary { @inline at(a: v128, b: v128): v128 { return oneWhere(f32x4.eq(a, b)); } }
export function equal(a: usize, b: usize, out: usize, count: i32): void { zip<Equal>(a, b, out, count); }

@unmanaged class Less extends Binary { @inline at(a: v128, b: v128): v128 { return oneWhere(f32x4.lt(a, b)); } }
export function less(a: usize, b: usize, out: usize, count: i32): void { zip<Less>(a, b, out, count); }

// Gradients: `out = g · f′(x)`.

@unmanaged class GeluSlope extends Binary { @inline at(x: v128, g: v128): v128 { return geluSlope(x, g); } }
export function geluGradient(x: usize, g: usize, out: usize, count: i32): void { zip<GeluSlope>(x, g, out, count); }

@unmanaged class ReluSlope extends Binary { @inline at(x: v128, g: v128): v128 { return v128.andnot(g, endsAtZero(x)); } }
export function reluGradient(x: usize, g: usize, out: usize, count: i32): void { zip<ReluSlope>(x, g, out, count); }

@unmanaged class SiluSlope extends Binary { @inline at(x: v128, g: v128): v128 { return siluGradient4(x, g); } }
export function siluGradient(x: usize, g: usize, out: usize, count: i32): void { zip<SiluSlope>(x, g, out, count); }

@inline
function geluSlope(x: v128, g: v128): v128 {
  return f32x4.mul(geluDerivative4(x), g);
}

@inline
function endsAtZero(x: v128): v128 {
  return f32x4.le(x, f32x4.splat(0));
}

// Functions that are rare in models, one element at a time, from the library.

export function log(x: usize, out: usize, count: i32): void {
  for (let at: usize = 0; at < <usize>count * 4; at += 4) store<f32>(out + at, Mathf.log(load<f32>(x + at)));
}

export function sin(x: usize, out: usize, count: i32): void {
  for (let at: usize = 0; at < <usize>count * 4; at += 4) store<f32>(out + at, turned(load<f32>(x + at), 0));
}

export function cos(x: usize, out: usize, count: i32): void {
  for (let at: usize = 0; at < <usize>count * 4; at += 4) store<f32>(out + at, turned(load<f32>(x + at), 1));
}

export function pow(a: usize, b: usize, out: usize, count: i32): void {
  for (let at: usize = 0; at < <usize>count * 4; at += 4) {
    store<f32>(out + at, power(load<f32>(a + at), load<f32>(b + at)));
  }
}

/** As IEEE 754 has it; the library's is ECMAScript's, which differs where `a` is ±1. */
@inline
function power(a: f32, b: f32): f32 {
  return a == 1 || (a == -1 && Mathf.abs(b) == Infinity) ? 1 : Mathf.pow(a, b);
}

// Others

/** −1, 0 or 1; NaN stays. */
export function sign(x: usize, out: usize, count: i32): void {
  for (; count > 0; count -= 4) {
    const value = v128.load(x);
    const zero = f32x4.splat(0);
    const size = oneWhere(f32x4.ne(value, zero));
    const signed = v128.bitselect(value, size, f32x4.splat(-0.0));
    storeUpTo4(out, v128.bitselect(signed, value, f32x4.eq(value, value)), count);
    x += 16;
    out += 16;
  }
}

/** `out = x · scale + shift`. */
export function affine(x: usize, scale: f32, shift: f32, out: usize, count: i32): void {
  for (; count > 0; count -= 4) {
    storeUpTo4(out, madd(v128.load(x), f32x4.splat(scale), f32x4.splat(shift)), count);
    x += 16;
    out += 16;
  }
}

/** `out = condition ≠ 0 ? a : b`. */
export function select(condition: usize, a: usize, b: usize, out: usize, count: i32): void {
  for (; count > 0; count -= 4) {
    const chosen = f32x4.ne(v128.load(condition), f32x4.splat(0));
    storeUpTo4(out, v128.bitselect(v128.load(a), v128.load(b), chosen), count);
    condition += 16;
    a += 16;
    b += 16;
    out += 16;
  }
}
