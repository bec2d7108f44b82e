/** Panels of packed weights, decoded, for the right operand of the ordinary product. */
import { packRight, tileColumns } from "./pack";
import { blockColumns, blockFloatBytes, blocksOf, dequantize } from "./weights";

/** Bytes of scratch memory that `packWeights` needs for up to `inner` elements of the inner axis and `columns` columns. */
export function packWeightsScratch(inner: i32, columns: i32): usize {
  return <usize>max(tileColumns * (blocksOf(inner) + 1), blocksOf(columns) + 1) * blockFloatBytes;
}

/**
 * The same as `packRight` for a weight of which rows are the columns of the operand, `columnStep` bytes apart, or lie
 * along its inner axis, `innerStep` bytes apart; the other step is 0. `first` is the element of these rows where the
 * operand begins. `scaleStep` is the distance between the scales of two rows.
 */
export function packWeights(
  format: i32, values: usize, innerStep: usize, columnStep: usize, scales: usize, scaleStep: usize, first: i32,
  inner: i32, columns: i32, out: usize, scratch: usize,
): void {
  const block = first / blockColumns;
  const skipped = <usize>(first - block * blockColumns) * 4;
  const blocks = blocksOf(first + (innerStep ? columns : inner)) - block;
  const rowBytes = <usize>blocks * blockFloatBytes;
  const panelBytes = <usize>inner * tileColumns * 4;
  if (innerStep) {
    for (let k = 0; k < inner; k++) {
      dequantize(format, values, scales, block, blocks, scratch);
      let panel = out + <usize>k * tileColumns * 4;
      for (let j = 0; j < columns; j += tileColumns) {
        packRight(scratch + skipped + <usize>j * 4, rowBytes, 4, 1, min(tileColumns, columns - j), panel);
        panel += panelBytes;
      }
      values += innerStep;
      scales += scaleStep;
    }
    return;
  }
  for (let j = 0; j < columns; j += tileColumns) {
    const count = min(tileColumns, columns - j);
    for (let line = 0; line < count; line++) {
      dequantize(format, values, scales, block, blocks, scratch + <usize>line * rowBytes);
      values += columnStep;
      scales += scaleStep;
    }
    packRight(scratch + skipped, 4, rowBytes, inner, count, out);
    out += panelBytes;
  }
}

/**
 * Writes rows of a weight as f32, blocks in full, one row behind the other: `columns` of each, which begin with block `first`.
 */
export function unpackRows(
  format: i32, values: usize, valueStep: usize, scales: usize, scaleStep: usize, first: i32, columns: i32, rows: i32, out: usize,
): void {
  const blocks = blocksOf(columns);
  for (; rows > 0; rows--) {
    dequantize(format, values, scales, first, blocks, out);
    values += valueStep;
    scales += scaleStep;
    out += <usize>blocks * blockFloatBytes;
  }
}
