/**
 * The indices of the `k` largest elements of each row, from the largest on, of equal ones the first; NaN counts as the
 * largest. Each element is inserted among those that were found so far, where it is one of them.
 */
export function topK(x: usize, rows: i32, length: i32, k: i32, out: usize): void {
  for (; rows > 0; rows--) {
    for (let i = 0; i < length; i++) {
      const value = load<f32>(x + <usize>i * 4);
      let place = min(i, k);
      if (place == k && !exceeds(value, valueAt(x, out, k - 1))) continue;
      if (place == k) place--;
      while (place > 0 && exceeds(value, valueAt(x, out, place - 1))) {
        store<i32>(out + <usize>place * 4, load<i32>(out + <usize>(place - 1) * 4));
        place--;
      }
      store<i32>(out + <usize>place * 4, i);
    }
    x += <usize>length * 4;
    out += <usize>k * 4;
  }
}

@inline
function valueAt(x: usize, found: usize, place: i32): f32 {
  return load<f32>(x + <usize>load<i32>(found + <usize>place * 4) * 4);
}

@inline
function exceeds(value: f32, other: f32): bool {
  return value > other || (value != value && other == other);
}
