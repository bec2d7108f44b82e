/**
 * The indices of the `k` largest elements of each row, from the largest on, of equal ones the first; NaN counts as the
 * largest. Each element is inserted among those that were found so far, where it is one of them.
 */
export function topK(x: usize, rows: i32, length: i32, k: i32, out: usize): void {
  for (; rows > 0; rows--) {
    for (let i = 0; i < length; i++) {
      const value = load<f32>(x + <usize>i * 4);
      const found = min(i, k);
      if (found == k && !exceeds(value, valueAt(x, out, k - 1))) continue;
      // The first place whose element is exceeded.
      let place = 0;
      let end = found;
      while (place < end) {
        const middle = (place + end) >> 1;
        if (exceeds(value, valueAt(x, out, middle))) end = middle;
        else place = middle + 1;
      }
      const to = out + <usize>place * 4;
      memory.copy(to + 4, to, <usize>(min(found, k - 1) - place) * 4);
      store<i32>(to, i);
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
