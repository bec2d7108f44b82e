/**
 * Sine and cosine position vectors (Vaswani et al. 2017, section 3.5): column `2i` of position `p` is
 * `sin(p / 10000^(2i/dim))`, column `2i + 1` the cosine of the same. Row-major `[positions.length, dim]`.
 */
export function sinusoidalPositions(positions: readonly number[], dim: number): Float32Array {
  const table = new Float32Array(positions.length * dim);
  positions.forEach((position, row) => {
    for (let column = 0; column < dim; column++) {
      const angle = position / 10_000 ** ((column - (column % 2)) / dim);
      table[row * dim + column] = column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  });
  return table;
}
